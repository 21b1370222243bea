-- What the largest customers of each slice bring together: the first ⌈p %⌉, largest first. Of two who
-- bring the same, it does not matter who is first.
WITH slice_revenues AS (
    SELECT 'all' AS scope, CAST(NULL AS VARCHAR) AS marketplace, CAST(NULL AS VARCHAR) AS shop_id,
        monetary AS revenue
    FROM rfm_scores
    UNION ALL
    SELECT 'marketplace', marketplace, NULL, monetary FROM rfm_scores
    UNION ALL
    SELECT 'shop', marketplace, shop_id, revenue FROM shop_customers
),
ranked AS (
    SELECT
        scope, marketplace, shop_id,
        ROW_NUMBER() OVER (
            PARTITION BY scope, marketplace, shop_id ORDER BY revenue DESC
        ) AS place,
        SUM(revenue) OVER (
            PARTITION BY scope, marketplace, shop_id ORDER BY revenue DESC
            ROWS UNBOUNDED PRECEDING
        ) AS revenue
    FROM slice_revenues
),
points AS (
    SELECT t.*, p.percent, (t.customers * p.percent + 99) // 100 AS place
    FROM slice_totals AS t
    CROSS JOIN (SELECT UNNEST([1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100]) AS percent)
        AS p
    WHERE t.withheld IS NULL
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    p.scope, p.marketplace, p.shop_id,
    CAST(p.percent AS SMALLINT) AS percent,
    p.place AS customers,
    CAST(r.revenue AS BIGINT) AS revenue,
    CASE WHEN p.revenue <> 0 THEN CAST(r.revenue AS BIGINT) / p.revenue END AS revenue_share
FROM points AS p
JOIN ranked AS r
    ON r.scope = p.scope
    AND r.marketplace IS NOT DISTINCT FROM p.marketplace
    AND r.shop_id IS NOT DISTINCT FROM p.shop_id
    AND r.place = p.place
