-- What published_month.sql says of a published month, of the rows in the lake that were sent.
SELECT
    marketplace,
    CAST(MAX(etl_batch_time) AS DATE) AS through,
    COUNT(*) AS rows,
    CAST(SUM(total_order) AS BIGINT) AS valid_orders,
    CAST(SUM(total_cancelled) AS BIGINT) AS cancelled_orders,
    CAST(SUM(total_returned) AS BIGINT) AS returned_orders,
    CAST(SUM(total_quantity) AS BIGINT) AS units,
    CAST(SUM(total_gmv_base_amount) AS BIGINT) AS gmv_base,
    COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0) AS customers
FROM sent_month
GROUP BY marketplace
