-- What a snapshot was scored with: one row per scope and metric. Degenerate: both quartiles are the
-- same, or a score has no customer.
WITH classes AS (
    SELECT
        CASE WHEN $per_marketplace THEN marketplace ELSE 'all' END AS scope,
        COUNT(DISTINCT r_score) AS recency_classes,
        COUNT(DISTINCT f_score) AS frequency_classes,
        COUNT(DISTINCT m_score) AS monetary_classes
    FROM rfm_scores
    GROUP BY scope
),
metrics AS (
    SELECT q.scope, 'recency' AS metric, recency_q1 AS q1, recency_q3 AS q3, customers,
        recency_classes AS classes
    FROM rfm_quartiles AS q JOIN classes AS c ON c.scope IS NOT DISTINCT FROM q.scope
    UNION ALL
    SELECT q.scope, 'frequency', frequency_q1, frequency_q3, customers, frequency_classes
    FROM rfm_quartiles AS q JOIN classes AS c ON c.scope IS NOT DISTINCT FROM q.scope
    UNION ALL
    SELECT q.scope, 'monetary', monetary_q1, monetary_q3, customers, monetary_classes
    FROM rfm_quartiles AS q JOIN classes AS c ON c.scope IS NOT DISTINCT FROM q.scope
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    scope,
    metric,
    q1,
    q3,
    customers,
    q1 = q3 OR classes < 3 AS is_degenerate
FROM metrics
