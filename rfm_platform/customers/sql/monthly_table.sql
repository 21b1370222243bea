SELECT
    TO_CHAR(month_of_order, 'YYYY-MM') AS month,
    marketplace,
    COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0) AS customers,
    SUM(total_order)::bigint AS orders,
    SUM(total_cancelled)::bigint AS cancelled,
    SUM(total_returned)::bigint AS returned,
    SUM(total_quantity)::bigint AS units,
    SUM(total_gmv_base_amount)::bigint AS revenue
FROM rfm.aggregated_monthly
GROUP BY month_of_order, marketplace
ORDER BY month_of_order, marketplace
