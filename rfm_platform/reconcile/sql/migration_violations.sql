-- Where the published moves and their causes are not what the scores and thresholds of both snapshots
-- give, and a shop's the customers that are published with each: all are found anew and held against
-- the rows, both ways. A slice is an array, because arrays with the same nulls are equal.
WITH named AS (
    -- The segment file's 27 names, in the order of their scores.
    SELECT ARRAY_AGG(segment ORDER BY r_score, f_score, m_score) AS cells
    FROM JSONB_TO_RECORDSET(%(cells)s)
        AS c (r_score integer, f_score integer, m_score integer, segment text)
),
scores AS (
    SELECT as_of_date, marketplace, user_id, recency, frequency, monetary,
        cells[9 * r_score + 3 * f_score + m_score - 12] AS segment
    FROM rfm.rfm_scores_snapshots
    CROSS JOIN named
    WHERE as_of_date IN (%(from_date)s, %(as_of)s)
),
thresholds AS (
    SELECT as_of_date, scope,
        COUNT(*) OVER (PARTITION BY as_of_date) AS scopes,
        MAX(q1) FILTER (WHERE metric = 'recency') AS r1,
        MAX(q3) FILTER (WHERE metric = 'recency') AS r3,
        MAX(q1) FILTER (WHERE metric = 'frequency') AS f1,
        MAX(q3) FILTER (WHERE metric = 'frequency') AS f3,
        MAX(q1) FILTER (WHERE metric = 'monetary') AS m1,
        MAX(q3) FILTER (WHERE metric = 'monetary') AS m3
    FROM rfm.rfm_thresholds
    WHERE as_of_date IN (%(from_date)s, %(as_of)s)
    GROUP BY as_of_date, scope
),
both_moments AS (
    SELECT
        CASE WHEN n.user_id IS NULL THEN b.marketplace ELSE n.marketplace END AS marketplace,
        COALESCE(n.user_id, b.user_id) AS user_id,
        b.segment AS was, n.segment AS is_now, n.recency, n.frequency, n.monetary,
        b.recency AS recency_before, b.frequency AS frequency_before, b.monetary AS monetary_before,
        n.recency < CAST(%(as_of)s AS DATE) - CAST(%(from_date)s AS DATE) AS has_new_order,
        CAST(%(as_of)s AS DATE) - CAST(%(from_date)s AS DATE) AS days
    FROM (SELECT * FROM scores WHERE as_of_date = %(from_date)s) AS b
    FULL JOIN (SELECT * FROM scores WHERE as_of_date = %(as_of)s) AS n
        ON COALESCE(n.marketplace, '') = COALESCE(b.marketplace, '')
        AND (n.marketplace IS NULL) = (b.marketplace IS NULL) AND n.user_id = b.user_id
),
-- Who moved is scored three times, with what one of the factors was before.
customers AS (
    SELECT c.marketplace, user_id, was, is_now, has_new_order,
        CASE WHEN was = is_now THEN 'stayed' WHEN was <> is_now THEN COALESCE(NULLIF(CONCAT_WS('+',
            CASE WHEN is_now <> cells[
                    1 + 9 * (2 - (recency_before + days > t.r1)::integer
                        - (recency_before + days > t.r3)::integer)
                    + 3 * ((frequency_before > t.f1)::integer + (frequency_before > t.f3)::integer)
                    + (monetary_before > t.m1)::integer + (monetary_before > t.m3)::integer]
                THEN CASE WHEN has_new_order THEN 'new_order'
                    WHEN frequency < frequency_before OR monetary < monetary_before
                        THEN 'cancellation'
                    ELSE 'correction' END
            END,
            CASE WHEN is_now <> cells[
                    1 + 9 * (2 - (GREATEST(recency - days, 0) > t.r1)::integer
                        - (GREATEST(recency - days, 0) > t.r3)::integer)
                    + 3 * ((frequency > t.f1)::integer + (frequency > t.f3)::integer)
                    + (monetary > t.m1)::integer + (monetary > t.m3)::integer]
                THEN 'time' END,
            CASE WHEN is_now <> cells[
                    1 + 9 * (2 - (recency > e.r1)::integer - (recency > e.r3)::integer)
                    + 3 * ((frequency > e.f1)::integer + (frequency > e.f3)::integer)
                    + (monetary > e.m1)::integer + (monetary > e.m3)::integer]
                THEN 'thresholds' END
        ), ''), 'any_of_several') END AS cause
    FROM both_moments AS c
    CROSS JOIN named
    LEFT JOIN (SELECT * FROM thresholds WHERE as_of_date = %(as_of)s) AS t
        ON t.scopes = 1 OR t.scope IS NOT DISTINCT FROM c.marketplace
    LEFT JOIN (SELECT * FROM thresholds WHERE as_of_date = %(from_date)s) AS e
        ON e.scopes = 1 OR e.scope IS NOT DISTINCT FROM c.marketplace
),
in_shops AS (
    SELECT marketplace, shop_id, user_id,
        BOOL_OR(as_of_date = %(from_date)s) AS was_in, BOOL_OR(as_of_date = %(as_of)s) AS is_in
    FROM rfm.final_user_analysis_snapshots
    WHERE as_of_date IN (%(from_date)s, %(as_of)s) AND total_order > 0
    GROUP BY marketplace, shop_id, user_id
),
members AS (
    SELECT 'marketplace' AS scope, marketplace, NULL AS shop_id, was, is_now, has_new_order, cause,
        COUNT(*) AS customers
    FROM customers
    GROUP BY marketplace, was, is_now, has_new_order, cause
    UNION ALL
    SELECT 'shop', i.marketplace, i.shop_id, CASE WHEN was_in THEN was END,
        CASE WHEN is_in THEN is_now END, has_new_order, cause, COUNT(*)
    FROM in_shops AS i
    LEFT JOIN customers AS c
        ON COALESCE(c.marketplace, '') = COALESCE(i.marketplace, '')
        AND (c.marketplace IS NULL) = (i.marketplace IS NULL) AND c.user_id = i.user_id
    GROUP BY i.marketplace, i.shop_id, 4, 5, has_new_order, cause
),
expected AS (
    SELECT slice, was AS from_segment, is_now AS to_segment,
        CASE WHEN is_now IS NULL THEN 'cancellation'
            WHEN was IS NOT NULL THEN cause
            WHEN has_new_order THEN 'new_order'
            ELSE 'correction' END AS cause,
        SUM(customers) AS customers
    FROM (
        SELECT ARRAY[scope, marketplace, shop_id] AS slice, was, is_now, has_new_order, cause,
            customers
        FROM members
        UNION ALL
        SELECT ARRAY['all', NULL, NULL], was, is_now, has_new_order, cause, customers
        FROM members WHERE scope = 'marketplace'
    ) AS of_slices
    GROUP BY 1, 2, 3, 4
),
told AS (
    SELECT ARRAY[scope, marketplace, shop_id] AS slice, from_segment, to_segment, cause, customers
    FROM rfm.rfm_migration_snapshots
    WHERE as_of_date = %(as_of)s AND from_date = %(from_date)s
),
moves_expected AS (
    SELECT slice, from_segment, to_segment, SUM(customers) AS customers
    FROM expected GROUP BY slice, from_segment, to_segment
),
moves_told AS (
    SELECT slice, from_segment, to_segment, SUM(customers) AS customers
    FROM told GROUP BY slice, from_segment, to_segment
),
problems AS (
    SELECT 'moves are not those between the two snapshots' AS problem, slice
    FROM (
        (TABLE moves_expected EXCEPT ALL TABLE moves_told)
        UNION ALL
        (TABLE moves_told EXCEPT ALL TABLE moves_expected)
    ) AS different
    UNION ALL
    SELECT 'causes are not those of the moves', slice
    FROM (
        (TABLE expected EXCEPT ALL TABLE told) UNION ALL (TABLE told EXCEPT ALL TABLE expected)
    ) AS different
)
SELECT DISTINCT problem, slice[1] AS scope, slice[2] AS marketplace, slice[3] AS shop_id
FROM problems
ORDER BY 1, 2, 3, 4
