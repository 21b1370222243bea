-- A published month's totals per marketplace. By customer first: counting distinct ones would sort.
SELECT
    marketplace,
    MAX(through) AS through,
    SUM(rows)::bigint AS rows,
    SUM(valid_orders)::bigint AS valid_orders,
    SUM(cancelled_orders)::bigint AS cancelled_orders,
    SUM(returned_orders)::bigint AS returned_orders,
    SUM(units)::bigint AS units,
    SUM(gmv_base)::bigint AS gmv_base,
    COUNT(*) FILTER (WHERE valid_orders > 0) AS customers
FROM (
    SELECT
        marketplace,
        MAX(etl_batch_time)::date AS through,
        COUNT(*) AS rows,
        SUM(total_order) AS valid_orders,
        SUM(total_cancelled) AS cancelled_orders,
        SUM(total_returned) AS returned_orders,
        SUM(total_quantity) AS units,
        SUM(total_gmv_base_amount) AS gmv_base
    FROM rfm.aggregated_monthly
    WHERE month_of_order = %(month)s
    GROUP BY marketplace, user_id
) AS customers
GROUP BY marketplace
