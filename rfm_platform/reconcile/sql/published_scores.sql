-- Scores of a snapshot against quartiles that PostgreSQL takes anew from the published metrics.
WITH scored AS (
    SELECT
        *, CASE WHEN %(per_marketplace)s THEN marketplace ELSE 'all' END AS scope
    FROM rfm.rfm_scores_snapshots
    WHERE as_of_date = %(as_of)s
),
quartiles AS (
    SELECT
        scope,
        COUNT(*) AS customers,
        PERCENTILE_CONT(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY recency) AS recency,
        PERCENTILE_CONT(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY frequency) AS frequency,
        PERCENTILE_CONT(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY monetary) AS monetary
    FROM scored
    GROUP BY scope
)
SELECT
    COUNT(*) AS customers,
    COUNT(*) - COUNT(DISTINCT (marketplace, user_id)) AS twice,
    COUNT(*) FILTER (
        WHERE r_score IS DISTINCT FROM CASE WHEN s.recency <= q.recency[1] THEN 3
            WHEN s.recency <= q.recency[2] THEN 2 ELSE 1 END
    ) AS wrong_r_score,
    COUNT(*) FILTER (
        WHERE f_score IS DISTINCT FROM CASE WHEN s.frequency <= q.frequency[1] THEN 1
            WHEN s.frequency <= q.frequency[2] THEN 2 ELSE 3 END
    ) AS wrong_f_score,
    COUNT(*) FILTER (
        WHERE m_score IS DISTINCT FROM CASE WHEN s.monetary <= q.monetary[1] THEN 1
            WHEN s.monetary <= q.monetary[2] THEN 2 ELSE 3 END
    ) AS wrong_m_score,
    COUNT(*) FILTER (WHERE total_score IS DISTINCT FROM r_score + f_score + m_score) AS wrong_total_score,
    COUNT(*) FILTER (WHERE segment IS NULL) AS without_segment,
    ABS(COUNT(*) FILTER (WHERE pyramid_tier = 'top') - CEIL(COUNT(*) / 100.0)) AS top_misplaced,
    ABS(COUNT(*) FILTER (WHERE pyramid_tier IN ('top', 'big')) - CEIL(COUNT(*) / 20.0))
        AS big_misplaced,
    ABS(COUNT(*) FILTER (WHERE pyramid_tier <> 'small') - CEIL(COUNT(*) / 5.0))
        AS medium_misplaced,
    (
        SELECT COUNT(*)
        FROM (SELECT * FROM rfm.rfm_thresholds WHERE as_of_date = %(as_of)s) AS t
        FULL JOIN (
            SELECT scope, 'recency' AS metric, recency AS q FROM quartiles
            UNION ALL SELECT scope, 'frequency', frequency FROM quartiles
            UNION ALL SELECT scope, 'monetary', monetary FROM quartiles
        ) AS q ON COALESCE(q.scope, '') = COALESCE(t.scope, '')
            AND (q.scope IS NULL) = (t.scope IS NULL) AND q.metric = t.metric
        WHERE (t.q1, t.q3) IS DISTINCT FROM (q.q[1], q.q[2])
    ) AS wrong_thresholds
FROM scored AS s
JOIN quartiles AS q ON q.scope IS NOT DISTINCT FROM s.scope
