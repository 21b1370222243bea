-- Why each customer who is in both snapshots is in another segment now. Three things differ between
-- the snapshots: the customer's orders, the clock, the thresholds. A cause is what the move needed:
-- with it alone set back, the customer would not be where they are. The rule looks at the end state
-- only, so no order of the three is assumed, and each customer has exactly one (set of) cause(s).
-- A clock set back shows an order of later as an order of today: recency 0. Orders that changed and
-- are no new one were cancelled or returned where there are fewer, or less was spent; else they were
-- corrected: repriced, changed back, or late to reach the mart. Both ends are named by today's segment
-- file.
WITH moved AS (
    SELECT
        n.marketplace, n.user_id, now_in.segment,
        n.recency, n.frequency, n.monetary,
        b.recency AS recency_before, b.frequency AS frequency_before, b.monetary AS monetary_before,
        CASE
            WHEN n.recency < $days THEN 'new_order'
            WHEN n.frequency < b.frequency OR n.monetary < b.monetary THEN 'cancellation'
            ELSE 'correction'
        END AS orders_cause
    FROM scores_now AS n
    JOIN scores_before AS b
        ON b.marketplace IS NOT DISTINCT FROM n.marketplace AND b.user_id = n.user_id
    JOIN segment_cells AS was_in
        ON was_in.r_score = b.r_score AND was_in.f_score = b.f_score AND was_in.m_score = b.m_score
    JOIN segment_cells AS now_in
        ON now_in.r_score = n.r_score AND now_in.f_score = n.f_score AND now_in.m_score = n.m_score
    WHERE was_in.segment <> now_in.segment
),
-- One scope holds everybody; several are marketplaces, one of which may be called all.
thresholds AS (
    SELECT
        'now' AS moment, scope, COUNT(*) OVER () AS scopes,
        MAX(q1) FILTER (WHERE metric = 'recency') AS r1,
        MAX(q3) FILTER (WHERE metric = 'recency') AS r3,
        MAX(q1) FILTER (WHERE metric = 'frequency') AS f1,
        MAX(q3) FILTER (WHERE metric = 'frequency') AS f3,
        MAX(q1) FILTER (WHERE metric = 'monetary') AS m1,
        MAX(q3) FILTER (WHERE metric = 'monetary') AS m3
    FROM thresholds_now
    GROUP BY scope
    UNION ALL
    SELECT
        'before', scope, COUNT(*) OVER (),
        MAX(q1) FILTER (WHERE metric = 'recency'),
        MAX(q3) FILTER (WHERE metric = 'recency'),
        MAX(q1) FILTER (WHERE metric = 'frequency'),
        MAX(q3) FILTER (WHERE metric = 'frequency'),
        MAX(q1) FILTER (WHERE metric = 'monetary'),
        MAX(q3) FILTER (WHERE metric = 'monetary')
    FROM thresholds_before
    GROUP BY scope
),
set_back AS (
    SELECT marketplace, user_id, segment, 'orders' AS factor, 'now' AS moment,
        recency_before + $days AS recency, frequency_before AS frequency,
        monetary_before AS monetary
    FROM moved
    UNION ALL
    SELECT marketplace, user_id, segment, 'time', 'now',
        GREATEST(recency - $days, 0), frequency, monetary
    FROM moved
    UNION ALL
    SELECT marketplace, user_id, segment, 'thresholds', 'before', recency, frequency, monetary
    FROM moved
),
rescored AS (
    SELECT
        s.marketplace, s.user_id, s.segment, s.factor,
        CASE WHEN s.recency <= t.r1 THEN 3 WHEN s.recency <= t.r3 THEN 2 ELSE 1 END AS r_score,
        CASE WHEN s.frequency <= t.f1 THEN 1 WHEN s.frequency <= t.f3 THEN 2 ELSE 3 END AS f_score,
        CASE WHEN s.monetary <= t.m1 THEN 1 WHEN s.monetary <= t.m3 THEN 2 ELSE 3 END AS m_score
    FROM set_back AS s
    JOIN thresholds AS t
        ON t.moment = s.moment AND (t.scopes = 1 OR t.scope IS NOT DISTINCT FROM s.marketplace)
),
needed AS (
    SELECT
        r.marketplace, r.user_id,
        BOOL_OR(r.factor = 'orders' AND c.segment <> r.segment) AS orders,
        BOOL_OR(r.factor = 'time' AND c.segment <> r.segment) AS time,
        BOOL_OR(r.factor = 'thresholds' AND c.segment <> r.segment) AS thresholds
    FROM rescored AS r
    JOIN segment_cells AS c
        ON c.r_score = r.r_score AND c.f_score = r.f_score AND c.m_score = r.m_score
    GROUP BY r.marketplace, r.user_id
)
SELECT
    m.marketplace, m.user_id,
    -- Nothing alone was needed: two of them would each have been enough.
    COALESCE(NULLIF(CONCAT_WS('+',
        CASE WHEN n.orders THEN m.orders_cause END,
        CASE WHEN n.time THEN 'time' END,
        CASE WHEN n.thresholds THEN 'thresholds' END), ''), 'any_of_several') AS cause
FROM moved AS m
JOIN needed AS n ON n.marketplace IS NOT DISTINCT FROM m.marketplace AND n.user_id = m.user_id
