-- What a snapshot was scored with, and how many customers have each score of each metric: null
-- where its scores are not kept. Where `all` is the only scope, everybody is in it.
WITH scopes AS (
    SELECT BOOL_AND(scope IS NOT DISTINCT FROM 'all') AS is_all FROM rfm_thresholds
),
cells AS (
    SELECT
        CASE WHEN is_all THEN 'all' ELSE marketplace END AS scope,
        r_score, f_score, m_score,
        COUNT(*) AS customers
    FROM rfm_scores
    CROSS JOIN scopes
    GROUP BY ALL
),
classes AS (
    SELECT
        t.*,
        c.customers AS of_class,
        CASE t.metric WHEN 'recency' THEN r_score WHEN 'frequency' THEN f_score ELSE m_score END
            AS score
    FROM rfm_thresholds AS t
    LEFT JOIN cells AS c ON c.scope IS NOT DISTINCT FROM t.scope
)
SELECT
    * EXCLUDE (of_class, score),
    CAST(SUM(of_class * CAST(score = 1 AS BIGINT)) AS BIGINT) AS with_score_1,
    CAST(SUM(of_class * CAST(score = 2 AS BIGINT)) AS BIGINT) AS with_score_2,
    CAST(SUM(of_class * CAST(score = 3 AS BIGINT)) AS BIGINT) AS with_score_3
FROM classes
GROUP BY ALL
ORDER BY scope, metric
