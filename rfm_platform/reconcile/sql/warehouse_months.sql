-- What the warehouse shows, per month and marketplace: the published side of reconciliation.
SELECT
    month_of_order AS month,
    marketplace,
    COUNT(*) AS rows,
    SUM(total_order)::bigint AS valid_orders,
    SUM(total_cancelled)::bigint AS cancelled_orders,
    SUM(total_returned)::bigint AS returned_orders,
    SUM(total_gmv_amount)::bigint AS gmv,
    SUM(total_gmv_base_amount)::bigint AS gmv_base,
    SUM(total_quantity)::bigint AS units,
    COUNT(DISTINCT user_id) FILTER (WHERE last_order_timestamp IS NOT NULL) AS customers,
    MIN(first_order_timestamp) AS first_timestamp,
    MAX(last_order_timestamp) AS last_timestamp
FROM rfm.aggregated_monthly
WHERE month_of_order = ANY(%(months)s)
GROUP BY month_of_order, marketplace
