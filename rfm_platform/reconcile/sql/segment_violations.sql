-- Where the published segments, grid and concentration are not what the published scores give, and a
-- shop's what the customers give that are published with it: each is taken anew and held against its
-- rows, both ways. A slice is an array, because arrays with the same nulls are equal.
WITH scores AS (
    SELECT marketplace, user_id, r_score, f_score, m_score, segment, recency, frequency AS orders,
        monetary AS revenue
    FROM rfm.rfm_scores_snapshots WHERE as_of_date = %(as_of)s
),
in_shops AS (
    SELECT i.*, r_score, f_score, m_score, segment, recency
    FROM (
        SELECT marketplace, shop_id, user_id, CAST(SUM(total_order) AS BIGINT) AS orders,
            CAST(SUM(total_gmv_base_amount) AS BIGINT) AS revenue
        FROM rfm.final_user_analysis_snapshots
        WHERE as_of_date = %(as_of)s AND total_order > 0
        GROUP BY marketplace, shop_id, user_id
    ) AS i
    LEFT JOIN scores AS s
        ON COALESCE(s.marketplace, '') = COALESCE(i.marketplace, '')
        AND (s.marketplace IS NULL) = (i.marketplace IS NULL) AND s.user_id = i.user_id
),
-- Customers who are alike, so that medians and sums look at few rows.
marketplaces AS (
    SELECT marketplace, r_score, f_score, m_score, segment, recency, COUNT(*) AS customers,
        SUM(orders) AS orders, SUM(revenue) AS revenue
    FROM scores
    GROUP BY marketplace, r_score, f_score, m_score, segment, recency
),
alike AS (
    SELECT ARRAY['marketplace', marketplace, NULL] AS slice, r_score, f_score, m_score, segment,
        recency, customers, orders, revenue
    FROM marketplaces
    UNION ALL
    SELECT ARRAY['all', NULL, NULL], r_score, f_score, m_score, segment, recency, SUM(customers),
        SUM(orders), SUM(revenue)
    FROM marketplaces
    GROUP BY r_score, f_score, m_score, segment, recency
    UNION ALL
    SELECT ARRAY['shop', marketplace, shop_id], r_score, f_score, m_score, segment, recency,
        COUNT(*), SUM(orders), SUM(revenue)
    FROM in_shops
    GROUP BY marketplace, shop_id, r_score, f_score, m_score, segment, recency
),
segments AS (
    SELECT ARRAY[scope, marketplace, shop_id] AS slice, *
    FROM rfm.rfm_segments_snapshots WHERE as_of_date = %(as_of)s
),
concentration AS (
    SELECT ARRAY[scope, marketplace, shop_id] AS slice, *
    FROM rfm.rfm_concentration_snapshots WHERE as_of_date = %(as_of)s
),
withheld AS (SELECT slice FROM segments WHERE withheld IS NOT NULL),
totals AS (
    SELECT slice, SUM(customers) AS customers, SUM(orders) AS orders, SUM(revenue) AS revenue
    FROM alike GROUP BY slice
),
counted AS (
    SELECT slice, segment, recency, SUM(customers) AS customers, SUM(orders) AS orders,
        SUM(revenue) AS revenue,
        SUM(SUM(customers)) OVER (PARTITION BY slice, segment ORDER BY recency) AS up_to_it,
        SUM(SUM(customers)) OVER (PARTITION BY slice, segment) AS together
    FROM alike
    WHERE slice NOT IN (TABLE withheld)
    GROUP BY slice, segment, recency
),
expected_segments AS (
    SELECT slice, segment, SUM(customers) AS customers, SUM(orders) AS orders,
        SUM(revenue) AS revenue,
        CAST(MIN(recency) FILTER (WHERE 2 * up_to_it >= together)
            + MIN(recency) FILTER (WHERE 2 * up_to_it > together) AS DOUBLE PRECISION) / 2
            AS median_recency
    FROM counted
    GROUP BY slice, segment
    UNION ALL
    SELECT slice, NULL, customers, orders, revenue, NULL
    FROM totals WHERE slice IN (TABLE withheld)
),
told_segments AS (
    SELECT slice, segment, customers, orders, revenue, median_recency FROM segments
),
expected_cells AS (
    SELECT slice, r_score, f_score, m_score, segment, SUM(customers) AS customers,
        SUM(revenue) AS revenue
    FROM alike
    WHERE slice NOT IN (TABLE withheld)
    GROUP BY slice, r_score, f_score, m_score, segment
),
told_cells AS (
    SELECT ARRAY[scope, marketplace, shop_id] AS slice, r_score, f_score, m_score, segment,
        customers, revenue
    FROM rfm.rfm_cells_snapshots WHERE as_of_date = %(as_of)s
),
-- What the largest customers of each slice bring together, up to every one of them.
largest AS (
    SELECT 'all' AS scope, NULL AS marketplace, NULL AS shop_id,
        ROW_NUMBER() OVER place AS place, SUM(revenue) OVER place AS revenue, COUNT(*) OVER () AS everyone
    FROM scores
    WINDOW place AS (ORDER BY revenue DESC ROWS UNBOUNDED PRECEDING)
    UNION ALL
    SELECT 'marketplace', marketplace, NULL, ROW_NUMBER() OVER place, SUM(revenue) OVER place,
        COUNT(*) OVER (PARTITION BY marketplace)
    FROM scores
    WINDOW place AS (PARTITION BY marketplace ORDER BY revenue DESC ROWS UNBOUNDED PRECEDING)
    UNION ALL
    SELECT 'shop', marketplace, shop_id, ROW_NUMBER() OVER place, SUM(revenue) OVER place,
        COUNT(*) OVER (PARTITION BY marketplace, shop_id)
    FROM in_shops
    WINDOW place AS (
        PARTITION BY marketplace, shop_id ORDER BY revenue DESC ROWS UNBOUNDED PRECEDING
    )
),
-- The first ⌈p %%⌉; no other customers than those with whom another whole per cent is reached.
expected_concentration AS (
    SELECT slice, percent, customers, revenue
    FROM (
        SELECT ARRAY[scope, marketplace, shop_id] AS slice, place AS customers, revenue, everyone
        FROM largest
        WHERE 100 * place / everyone > 100 * (place - 1) / everyone
    ) AS l
    JOIN UNNEST(ARRAY[1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100]) AS percent
        ON customers = CEIL(everyone * percent / 100.0)
    WHERE slice NOT IN (TABLE withheld)
),
told_concentration AS (
    SELECT slice, percent, customers, revenue FROM concentration
),
-- What follows from a row and its slice's totals.
figures AS (
    SELECT slice, is_there, should_be
    FROM segments AS s
    JOIN totals AS t USING (slice)
    CROSS JOIN LATERAL (
        VALUES (s.customers_share, s.customers / CAST(t.customers AS DOUBLE PRECISION)),
            (s.revenue_share, CASE WHEN s.withheld IS NULL
                THEN s.revenue / CAST(NULLIF(t.revenue, 0) AS DOUBLE PRECISION) END),
            (s.average_order_value, s.revenue / CAST(s.orders AS DOUBLE PRECISION))
    ) AS f (is_there, should_be)
    UNION ALL
    SELECT slice, c.revenue_share, c.revenue / CAST(NULLIF(t.revenue, 0) AS DOUBLE PRECISION)
    FROM concentration AS c
    JOIN totals AS t USING (slice)
),
problems AS (
    SELECT 'segments are not what the scores give' AS problem, slice
    FROM (
        (TABLE expected_segments EXCEPT ALL TABLE told_segments)
        UNION ALL
        (TABLE told_segments EXCEPT ALL TABLE expected_segments)
    ) AS different
    UNION ALL
    SELECT 'the grid is not what the scores give', slice
    FROM (
        (TABLE expected_cells EXCEPT ALL TABLE told_cells)
        UNION ALL
        (TABLE told_cells EXCEPT ALL TABLE expected_cells)
    ) AS different
    UNION ALL
    SELECT 'the concentration is not what the largest customers bring', slice
    FROM (
        (TABLE expected_concentration EXCEPT ALL TABLE told_concentration)
        UNION ALL
        (TABLE told_concentration EXCEPT ALL TABLE expected_concentration)
    ) AS different
    UNION ALL
    SELECT 'a share or an average is not its parts', slice
    FROM figures
    WHERE (is_there IS NULL) <> (should_be IS NULL)
        OR ABS(is_there - should_be) > 1e-9 * (1 + ABS(should_be))
    UNION ALL
    SELECT 'an action is not the segment file''s', slice
    FROM segments
    WHERE action IS DISTINCT FROM CAST(%(actions)s AS JSONB) ->> segment
        AND CAST(%(actions)s AS JSONB) IS NOT NULL
    UNION ALL
    SELECT 'a segment has several actions', slice
    FROM (
        SELECT slice, action, FIRST_VALUE(action) OVER (PARTITION BY segment) AS another
        FROM segments
    ) AS named
    WHERE action IS DISTINCT FROM another
)
SELECT DISTINCT problem, slice[1] AS scope, slice[2] AS marketplace, slice[3] AS shop_id
FROM problems
ORDER BY 1, 2, 3, 4
