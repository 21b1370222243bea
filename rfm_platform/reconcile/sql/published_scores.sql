-- Scores of a snapshot against quartiles that PostgreSQL takes anew from the published metrics, and
-- what follows from both: outliers, tiers, segments, thresholds. Rows are judged once, in groups so
-- few that what concerns whole scopes and cells is told from them.
WITH scored AS (
    SELECT
        *,
        CASE WHEN %(per_marketplace)s THEN marketplace ELSE 'all' END AS scope,
        ROW_NUMBER() OVER (
            ORDER BY monetary DESC NULLS LAST, marketplace COLLATE "C", user_id COLLATE "C"
        ) AS place
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
),
limits AS (
    SELECT
        *,
        1.5 * (recency[2] - recency[1]) AS recency_reach,
        1.5 * (frequency[2] - frequency[1]) AS frequency_reach,
        1.5 * (monetary[2] - monetary[1]) AS monetary_reach,
        CEIL(SUM(customers) OVER () / 100)::bigint AS top,
        CEIL(SUM(customers) OVER () / 20)::bigint AS big,
        CEIL(SUM(customers) OVER () / 5)::bigint AS medium
    FROM quartiles
),
judged AS (
    SELECT
        s.*,
        CASE WHEN s.recency <= q.recency[1] THEN 3 WHEN s.recency <= q.recency[2] THEN 2 ELSE 1 END
            AS r,
        CASE WHEN s.frequency <= q.frequency[1] THEN 1
            WHEN s.frequency <= q.frequency[2] THEN 2 ELSE 3 END AS f,
        CASE WHEN s.monetary <= q.monetary[1] THEN 1
            WHEN s.monetary <= q.monetary[2] THEN 2 ELSE 3 END AS m,
        CASE WHEN place <= top THEN 'top' WHEN place <= big THEN 'big'
            WHEN place <= medium THEN 'medium' ELSE 'small' END AS tier,
        s.recency NOT BETWEEN q.recency[1] - recency_reach AND q.recency[2] + recency_reach
            OR s.frequency NOT BETWEEN q.frequency[1] - frequency_reach
                AND q.frequency[2] + frequency_reach
            OR s.monetary NOT BETWEEN q.monetary[1] - monetary_reach
                AND q.monetary[2] + monetary_reach AS lies_outside
    FROM scored AS s
    JOIN limits AS q ON q.scope IS NOT DISTINCT FROM s.scope
),
groups AS (
    SELECT
        scope, r, f, m, segment,
        COUNT(*) AS customers,
        COUNT(*) FILTER (WHERE r_score IS DISTINCT FROM r) AS wrong_r_score,
        COUNT(*) FILTER (WHERE f_score IS DISTINCT FROM f) AS wrong_f_score,
        COUNT(*) FILTER (WHERE m_score IS DISTINCT FROM m) AS wrong_m_score,
        COUNT(*) FILTER (WHERE total_score IS DISTINCT FROM r_score + f_score + m_score)
            AS wrong_total_score,
        COUNT(*) FILTER (WHERE pyramid_tier IS DISTINCT FROM tier) AS wrong_tier,
        COUNT(*) FILTER (WHERE is_outlier IS DISTINCT FROM lies_outside) AS wrong_outlier
    FROM judged
    GROUP BY scope, r, f, m, segment
),
classes AS (
    SELECT
        scope,
        COUNT(DISTINCT r) AS recency,
        COUNT(DISTINCT f) AS frequency,
        COUNT(DISTINCT m) AS monetary
    FROM groups
    GROUP BY scope
),
thresholds AS (
    SELECT q.scope, metric, quartile[1] AS q1, quartile[2] AS q3, customers,
        quartile[1] = quartile[2] OR classes < 3 AS is_degenerate
    FROM quartiles AS q
    JOIN classes AS c ON c.scope IS NOT DISTINCT FROM q.scope
    CROSS JOIN LATERAL (
        VALUES ('recency', q.recency, c.recency),
            ('frequency', q.frequency, c.frequency),
            ('monetary', q.monetary, c.monetary)
    ) AS v (metric, quartile, classes)
)
SELECT
    COALESCE(SUM(customers), 0)::bigint AS customers,
    (
        SELECT COALESCE(SUM(times - 1), 0)::bigint
        FROM (SELECT COUNT(*) AS times FROM scored GROUP BY marketplace, user_id) AS c
    ) AS twice,
    SUM(wrong_r_score)::bigint AS wrong_r_score,
    SUM(wrong_f_score)::bigint AS wrong_f_score,
    SUM(wrong_m_score)::bigint AS wrong_m_score,
    SUM(wrong_total_score)::bigint AS wrong_total_score,
    SUM(wrong_tier)::bigint AS wrong_tier,
    SUM(wrong_outlier)::bigint AS wrong_outlier,
    SUM(customers) FILTER (WHERE segment IS NULL)::bigint AS without_segment,
    (
        SELECT SUM(g.customers)::bigint
        FROM groups AS g
        JOIN JSONB_TO_RECORDSET(%(cells)s)
            AS c (r_score integer, f_score integer, m_score integer, segment text)
            ON c.r_score = g.r AND c.f_score = g.f AND c.m_score = g.m
        WHERE c.segment <> g.segment
    ) AS not_in_the_segment_of_the_file,
    (
        SELECT SUM(others)::bigint
        FROM (
            SELECT SUM(customers) - MAX(customers) AS others
            FROM (
                SELECT r, f, m, segment, SUM(customers) AS customers
                FROM groups
                WHERE segment IS NOT NULL
                GROUP BY r, f, m, segment
            ) AS s
            GROUP BY r, f, m
        ) AS c
    ) AS not_in_the_segment_of_their_cell,
    (
        SELECT COUNT(*)
        FROM (SELECT * FROM rfm.rfm_thresholds WHERE as_of_date = %(as_of)s) AS t
        FULL JOIN thresholds AS q ON COALESCE(q.scope, '') = COALESCE(t.scope, '')
            AND (q.scope IS NULL) = (t.scope IS NULL) AND q.metric = t.metric
        WHERE (t.q1, t.q3, t.customers, t.is_degenerate)
            IS DISTINCT FROM (q.q1, q.q3, q.customers, q.is_degenerate)
    ) AS wrong_thresholds
FROM groups
