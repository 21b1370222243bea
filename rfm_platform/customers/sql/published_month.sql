-- A published month's totals per marketplace.
SELECT
    marketplace,
    MAX(etl_batch_time)::date AS through,
    SUM(total_order)::bigint AS valid_orders,
    SUM(total_cancelled)::bigint AS cancelled_orders,
    SUM(total_returned)::bigint AS returned_orders,
    SUM(total_quantity)::bigint AS units,
    SUM(total_gmv_base_amount)::bigint AS gmv_base,
    COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0) AS customers
FROM rfm.aggregated_monthly
WHERE month_of_order = %(month)s
GROUP BY marketplace
