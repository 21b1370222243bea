-- Each slice as a whole, and why it has too little to be segmented; null: it has enough.
WITH names AS (
    SELECT marketplace, shop_id, MAX(shop_name) AS shop_name
    FROM final_user_analysis
    GROUP BY marketplace, shop_id
),
totals AS (
    SELECT scope, marketplace, shop_id, CAST(SUM(customers) AS BIGINT) AS customers,
        CAST(SUM(orders) AS BIGINT) AS orders, CAST(SUM(revenue) AS BIGINT) AS revenue
    FROM slice_counts
    GROUP BY scope, marketplace, shop_id
)
SELECT
    t.*,
    n.shop_name,
    CASE
        WHEN $history_days < $min_days
            THEN $history_days || ' days of orders, fewer than ' || $min_days
        WHEN t.customers < $min_customers THEN 'fewer than ' || $min_customers || ' customers'
    END AS withheld
FROM totals AS t
LEFT JOIN names AS n
    ON t.scope = 'shop'
    AND n.marketplace IS NOT DISTINCT FROM t.marketplace
    AND n.shop_id IS NOT DISTINCT FROM t.shop_id
