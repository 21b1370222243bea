-- Recency, frequency and monetary value of each customer with a valid order, and the scope within
-- which its quartiles are taken.
SELECT
    marketplace,
    user_id,
    CASE WHEN $per_marketplace THEN marketplace ELSE 'all' END AS scope,
    CAST(DATE_DIFF('day', CAST(MAX(last_order_timestamp) AS DATE), CAST($as_of AS DATE)) AS INTEGER)
        AS recency,
    CAST(SUM(total_order - shared_order) AS BIGINT) AS frequency,
    CAST(SUM(total_gmv_base_amount) AS BIGINT) AS monetary
FROM final_user_analysis
WHERE total_order > 0
GROUP BY marketplace, user_id
