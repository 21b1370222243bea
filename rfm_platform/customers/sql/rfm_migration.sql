-- From which segment to which, by cause, in each slice. Without a segment before: the customer's
-- first order in the slice, which is no new one where they have none since; without one now: all
-- their orders there were cancelled or returned. Both ends are named by today's segment file.
WITH before AS (
    SELECT s.scope, s.marketplace, s.shop_id, s.user_id, c.segment
    FROM slices_before AS s
    JOIN segment_cells AS c
        ON c.r_score = s.r_score AND c.f_score = s.f_score AND c.m_score = s.m_score
),
now AS (
    SELECT s.scope, s.marketplace, s.shop_id, s.user_id, s.recency, c.segment
    FROM slices_now AS s
    JOIN segment_cells AS c
        ON c.r_score = s.r_score AND c.f_score = s.f_score AND c.m_score = s.m_score
),
both_moments AS (
    SELECT
        COALESCE(n.scope, b.scope) AS scope,
        CASE WHEN n.scope IS NULL THEN b.marketplace ELSE n.marketplace END AS marketplace,
        CASE WHEN n.scope IS NULL THEN b.shop_id ELSE n.shop_id END AS shop_id,
        COALESCE(n.user_id, b.user_id) AS user_id,
        b.segment AS from_segment,
        n.segment AS to_segment,
        n.recency
    FROM now AS n
    FULL JOIN before AS b
        ON b.scope = n.scope
        AND b.marketplace IS NOT DISTINCT FROM n.marketplace
        AND b.shop_id IS NOT DISTINCT FROM n.shop_id
        AND b.user_id = n.user_id
),
caused AS (
    SELECT
        m.scope, m.marketplace, m.shop_id, m.user_id, m.from_segment, m.to_segment,
        CASE
            WHEN m.from_segment IS NULL AND m.recency < $days THEN 'new_order'
            WHEN m.from_segment IS NULL THEN 'correction'
            WHEN m.to_segment IS NULL THEN 'cancellation'
            WHEN m.from_segment = m.to_segment THEN 'stayed'
            ELSE c.cause
        END AS cause
    FROM both_moments AS m
    LEFT JOIN migration_causes AS c
        ON c.marketplace IS NOT DISTINCT FROM m.marketplace AND c.user_id = m.user_id
),
moves AS (
    SELECT scope, marketplace, shop_id, from_segment, to_segment, cause,
        COUNT(user_id) AS customers
    FROM caused
    GROUP BY scope, marketplace, shop_id, from_segment, to_segment, cause
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    CAST($from_date AS DATE) AS from_date,
    scope, marketplace, shop_id, from_segment, to_segment, cause, customers
FROM moves
UNION ALL
-- A customer lives within one marketplace: marketplaces add up.
SELECT
    CAST($as_of AS DATE), CAST($from_date AS DATE),
    'all', NULL, NULL, from_segment, to_segment, cause, CAST(SUM(customers) AS BIGINT)
FROM moves
WHERE scope = 'marketplace'
GROUP BY from_segment, to_segment, cause
