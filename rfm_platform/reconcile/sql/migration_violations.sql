-- Where the rows of the published moves are not the earlier snapshot, or the columns not the later.
WITH moves AS (
    SELECT * FROM rfm.rfm_migration_snapshots WHERE as_of_date = %(as_of)s
),
cells AS (
    SELECT * FROM JSONB_TO_RECORDSET(%(cells)s)
        AS c (r_score smallint, f_score smallint, m_score smallint, segment text)
),
before AS (
    SELECT s.marketplace, c.segment
    FROM rfm.rfm_scores_snapshots AS s
    JOIN cells AS c USING (r_score, f_score, m_score)
    WHERE s.as_of_date = %(from_date)s
),
scored AS (
    SELECT 'before' AS moment, 'all' AS scope, NULL AS marketplace, segment, COUNT(*) AS customers
    FROM before GROUP BY segment
    UNION ALL
    SELECT 'before', 'marketplace', marketplace, segment, COUNT(*)
    FROM before GROUP BY marketplace, segment
    UNION ALL
    SELECT 'now', 'all', NULL, segment, COUNT(*)
    FROM rfm.rfm_scores_snapshots WHERE as_of_date = %(as_of)s GROUP BY segment
    UNION ALL
    SELECT 'now', 'marketplace', marketplace, segment, COUNT(*)
    FROM rfm.rfm_scores_snapshots WHERE as_of_date = %(as_of)s GROUP BY marketplace, segment
),
told AS (
    SELECT 'before' AS moment, scope, marketplace, from_segment AS segment,
        SUM(customers) AS customers
    FROM moves WHERE scope <> 'shop' AND from_segment IS NOT NULL
    GROUP BY scope, marketplace, from_segment
    UNION ALL
    SELECT 'now', scope, marketplace, to_segment, SUM(customers)
    FROM moves WHERE scope <> 'shop' AND to_segment IS NOT NULL
    GROUP BY scope, marketplace, to_segment
),
shops AS (
    SELECT 'now' AS moment, marketplace, shop_id, COUNT(DISTINCT user_id) AS customers
    FROM rfm.final_user_analysis_snapshots
    WHERE as_of_date = %(as_of)s AND total_order > 0 GROUP BY marketplace, shop_id
    UNION ALL
    SELECT 'before', marketplace, shop_id, COUNT(DISTINCT user_id)
    FROM rfm.final_user_analysis_snapshots
    WHERE as_of_date = %(from_date)s AND total_order > 0 GROUP BY marketplace, shop_id
),
told_of_shops AS (
    SELECT 'now' AS moment, marketplace, shop_id, SUM(customers) AS customers
    FROM moves WHERE scope = 'shop' AND to_segment IS NOT NULL GROUP BY marketplace, shop_id
    UNION ALL
    SELECT 'before', marketplace, shop_id, SUM(customers)
    FROM moves WHERE scope = 'shop' AND from_segment IS NOT NULL GROUP BY marketplace, shop_id
),
problems AS (
    SELECT 'the snapshot ' || moment || ' has other segments' AS problem, scope, marketplace,
        NULL AS shop_id
    FROM (
        (TABLE scored EXCEPT ALL TABLE told) UNION ALL (TABLE told EXCEPT ALL TABLE scored)
    ) AS different
    UNION ALL
    SELECT 'the snapshot ' || moment || ' has other customers', 'shop', marketplace, shop_id
    FROM (
        (TABLE shops EXCEPT ALL TABLE told_of_shops)
        UNION ALL
        (TABLE told_of_shops EXCEPT ALL TABLE shops)
    ) AS different
    UNION ALL
    SELECT 'who stayed has moved, or the reverse', scope, marketplace, shop_id
    FROM moves
    WHERE (from_segment IS NOT DISTINCT FROM to_segment) <> (cause = 'stayed')
)
SELECT DISTINCT problem, scope, marketplace, shop_id FROM problems ORDER BY 1, 2, 3, 4
