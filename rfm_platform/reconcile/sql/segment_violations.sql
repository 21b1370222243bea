-- Where the published segments, grid and concentration differ from the published scores, and a
-- shop's from the customers that are published with it.
WITH expected AS (
    SELECT 'all' AS scope, NULL AS marketplace, NULL AS shop_id, segment, COUNT(*) AS customers,
        SUM(frequency) AS orders, SUM(monetary) AS revenue
    FROM rfm.rfm_scores_snapshots WHERE as_of_date = %(as_of)s
    GROUP BY segment
    UNION ALL
    SELECT 'marketplace', marketplace, NULL, segment, COUNT(*), SUM(frequency), SUM(monetary)
    FROM rfm.rfm_scores_snapshots WHERE as_of_date = %(as_of)s
    GROUP BY marketplace, segment
),
segments AS (
    SELECT * FROM rfm.rfm_segments_snapshots WHERE as_of_date = %(as_of)s
),
shops AS (
    SELECT marketplace, shop_id, COUNT(DISTINCT user_id) AS customers, SUM(total_order) AS orders,
        SUM(total_gmv_base_amount) AS revenue
    FROM rfm.final_user_analysis_snapshots
    WHERE as_of_date = %(as_of)s AND total_order > 0
    GROUP BY marketplace, shop_id
),
problems AS (
    (SELECT 'a segment is not what the scores say' AS problem, scope, marketplace, shop_id
    FROM (
        SELECT scope, marketplace, shop_id, segment, customers, orders, revenue
        FROM segments WHERE scope <> 'shop' AND withheld IS NULL
        EXCEPT ALL SELECT * FROM expected
    ) AS different)
    UNION ALL
    (SELECT 'a slice has other totals than the scores', scope, marketplace, shop_id
    FROM (
        SELECT scope, marketplace, shop_id, SUM(customers), SUM(orders), SUM(revenue)
        FROM expected GROUP BY scope, marketplace, shop_id
        EXCEPT ALL
        SELECT scope, marketplace, shop_id, SUM(customers), SUM(orders), SUM(revenue)
        FROM segments WHERE scope <> 'shop' GROUP BY scope, marketplace, shop_id
    ) AS different)
    UNION ALL
    (SELECT 'a shop has other totals than its customers', 'shop', marketplace, shop_id
    FROM (
        (SELECT * FROM shops
        EXCEPT ALL
        SELECT marketplace, shop_id, SUM(customers), SUM(orders), SUM(revenue)
        FROM segments WHERE scope = 'shop' GROUP BY marketplace, shop_id)
        UNION ALL
        (SELECT marketplace, shop_id, SUM(customers), SUM(orders), SUM(revenue)
        FROM segments WHERE scope = 'shop' GROUP BY marketplace, shop_id
        EXCEPT ALL
        SELECT * FROM shops)
    ) AS different)
    UNION ALL
    (SELECT 'the grid is not its segments', scope, marketplace, shop_id
    FROM (
        SELECT scope, marketplace, shop_id, segment, customers, revenue
        FROM segments WHERE withheld IS NULL
        EXCEPT ALL
        SELECT scope, marketplace, shop_id, segment, SUM(customers), SUM(revenue)
        FROM rfm.rfm_cells_snapshots WHERE as_of_date = %(as_of)s
        GROUP BY scope, marketplace, shop_id, segment
    ) AS different)
    UNION ALL
    (SELECT 'the concentration curve does not end with everybody', scope, marketplace, shop_id
    FROM (
        SELECT scope, marketplace, shop_id, SUM(customers), SUM(revenue)
        FROM segments WHERE withheld IS NULL GROUP BY scope, marketplace, shop_id
        EXCEPT ALL
        SELECT scope, marketplace, shop_id, customers, revenue
        FROM rfm.rfm_concentration_snapshots WHERE as_of_date = %(as_of)s AND percent = 100
    ) AS different)
)
SELECT DISTINCT problem, scope, marketplace, shop_id FROM problems ORDER BY 1, 2, 3, 4
