-- Segments of each slice; a slice with too little data is one row without a segment that says so.
WITH by_recency AS (
    SELECT scope, marketplace, shop_id, segment, recency,
        SUM(customers) AS customers, SUM(orders) AS orders, SUM(revenue) AS revenue
    FROM slice_counts
    GROUP BY scope, marketplace, shop_id, segment, recency
),
running AS (
    SELECT *,
        SUM(customers) OVER (
            PARTITION BY scope, marketplace, shop_id, segment ORDER BY recency
        ) AS up_to_here,
        SUM(customers) OVER (PARTITION BY scope, marketplace, shop_id, segment) AS of_segment
    FROM by_recency
),
found AS (
    SELECT
        scope, marketplace, shop_id, segment,
        CAST(SUM(customers) AS BIGINT) AS customers,
        CAST(SUM(orders) AS BIGINT) AS orders,
        CAST(SUM(revenue) AS BIGINT) AS revenue,
        -- The customer in the middle, or the mean of the two.
        (
            MIN(recency) FILTER (WHERE 2 * up_to_here >= of_segment)
            + MIN(recency) FILTER (WHERE 2 * up_to_here > of_segment)
        ) / 2 AS median_recency
    FROM running
    GROUP BY scope, marketplace, shop_id, segment
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    t.scope, t.marketplace, t.shop_id, t.shop_name,
    f.segment,
    f.customers,
    f.customers / t.customers AS customers_share,
    f.orders,
    f.revenue,
    CASE WHEN t.revenue <> 0 THEN f.revenue / t.revenue END AS revenue_share,
    f.revenue / f.orders AS average_order_value,
    f.median_recency,
    a.action,
    t.withheld
FROM slice_totals AS t
JOIN found AS f
    ON f.scope = t.scope
    AND f.marketplace IS NOT DISTINCT FROM t.marketplace
    AND f.shop_id IS NOT DISTINCT FROM t.shop_id
LEFT JOIN segment_actions AS a ON a.segment = f.segment
WHERE t.withheld IS NULL
UNION ALL
SELECT
    CAST($as_of AS DATE), scope, marketplace, shop_id, shop_name,
    NULL, customers, CAST(1 AS DOUBLE), orders, revenue, NULL, revenue / orders, NULL, NULL, withheld
FROM slice_totals
WHERE withheld IS NOT NULL
