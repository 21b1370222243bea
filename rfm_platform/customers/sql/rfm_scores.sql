-- Scores from the quartiles, boundary values on the lower side; segment by score, tier by rank.
WITH everyone AS (
    SELECT SUM(customers) AS customers, MIN(monetary_q3) AS lowest_q3 FROM rfm_quartiles
),
ranked AS (
    -- How many customers come before this one: tiers compare it with whole percentages. All tiers but
    -- the last lie in the first fifth of the customers, and a quarter of each scope has its third
    -- quartile or more: nobody else needs a place among them.
    SELECT c.*, ROW_NUMBER() OVER (ORDER BY monetary DESC, marketplace, user_id) - 1 AS better
    FROM rfm_customers AS c
    WHERE monetary >= (SELECT lowest_q3 FROM everyone)
    UNION ALL
    SELECT c.*, NULL AS better
    FROM rfm_customers AS c
    WHERE monetary < (SELECT lowest_q3 FROM everyone)
),
scored AS (
    SELECT
        c.*,
        CASE WHEN recency <= recency_q1 THEN 3 WHEN recency <= recency_q3 THEN 2 ELSE 1 END
            AS r_score,
        CASE WHEN frequency <= frequency_q1 THEN 1 WHEN frequency <= frequency_q3 THEN 2 ELSE 3 END
            AS f_score,
        CASE WHEN monetary <= monetary_q1 THEN 1 WHEN monetary <= monetary_q3 THEN 2 ELSE 3 END
            AS m_score,
        recency < recency_q1 - 1.5 * (recency_q3 - recency_q1)
        OR recency > recency_q3 + 1.5 * (recency_q3 - recency_q1)
        OR frequency < frequency_q1 - 1.5 * (frequency_q3 - frequency_q1)
        OR frequency > frequency_q3 + 1.5 * (frequency_q3 - frequency_q1)
        OR monetary < monetary_q1 - 1.5 * (monetary_q3 - monetary_q1)
        OR monetary > monetary_q3 + 1.5 * (monetary_q3 - monetary_q1) AS is_outlier
    FROM ranked AS c
    JOIN rfm_quartiles AS q ON q.scope IS NOT DISTINCT FROM c.scope
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    marketplace,
    user_id,
    recency,
    CAST(scored.r_score AS SMALLINT) AS r_score,
    frequency,
    CAST(scored.f_score AS SMALLINT) AS f_score,
    monetary,
    CAST(scored.m_score AS SMALLINT) AS m_score,
    CAST(scored.r_score + scored.f_score + scored.m_score AS SMALLINT) AS total_score,
    segment,
    CASE
        WHEN better * 100 < everyone.customers THEN 'top'
        WHEN better * 100 < everyone.customers * 5 THEN 'big'
        WHEN better * 100 < everyone.customers * 20 THEN 'medium'
        ELSE 'small'
    END AS pyramid_tier,
    is_outlier
FROM scored
CROSS JOIN everyone
JOIN segment_cells AS s
    ON s.r_score = scored.r_score AND s.f_score = scored.f_score AND s.m_score = scored.m_score
