-- Where the published retention differs from cohort_matrix, and a shop's from the customers,
-- orders and amounts that are published with it.
WITH retention AS (
    SELECT * FROM rfm.cohort_retention_snapshots WHERE as_of_date = %(as_of)s
),
matrix AS (
    SELECT * FROM rfm.cohort_matrix_snapshots WHERE as_of_date = %(as_of)s
),
expected AS (
    SELECT 'marketplace' AS scope, marketplace, cohort_month, cohort_size, months, value,
        total_order, total_gmv_base_amount, is_partial
    FROM matrix
    UNION ALL
    SELECT 'all', NULL, cohort_month, SUM(cohort_size), months, SUM(value), SUM(total_order),
        SUM(total_gmv_base_amount), BOOL_OR(is_partial)
    FROM matrix GROUP BY cohort_month, months
),
told AS (
    SELECT scope, marketplace, cohort_month, cohort_size, months, customers, orders, revenue,
        is_partial
    FROM retention WHERE scope <> 'shop'
),
shops AS (
    SELECT marketplace, shop_id, COUNT(DISTINCT user_id) AS customers, SUM(total_order) AS orders,
        SUM(total_gmv_base_amount) AS revenue
    FROM rfm.final_user_analysis_snapshots
    WHERE as_of_date = %(as_of)s AND total_order > 0 GROUP BY marketplace, shop_id
),
told_of_shops AS (
    SELECT marketplace, shop_id, SUM(cohort_size) FILTER (WHERE months = 0) AS customers,
        SUM(orders) AS orders, SUM(revenue) AS revenue
    FROM retention WHERE scope = 'shop' GROUP BY marketplace, shop_id
),
problems AS (
    SELECT 'a cell is not the cohort matrix''s' AS problem, scope, marketplace, NULL AS shop_id
    FROM (
        (TABLE expected EXCEPT ALL TABLE told) UNION ALL (TABLE told EXCEPT ALL TABLE expected)
    ) AS different
    UNION ALL
    SELECT 'a shop has other totals than its customers', 'shop', marketplace, shop_id
    FROM (
        (TABLE shops EXCEPT ALL TABLE told_of_shops)
        UNION ALL
        (TABLE told_of_shops EXCEPT ALL TABLE shops)
    ) AS different
    UNION ALL
    SELECT 'more customers than the cohort has', scope, marketplace, shop_id
    FROM retention WHERE customers > cohort_size OR (months = 0 AND customers <> cohort_size)
    UNION ALL
    SELECT 'cumulative revenue is not the sum of the months', scope, marketplace, shop_id
    FROM (
        SELECT *, SUM(revenue) OVER (
            PARTITION BY scope, marketplace, shop_id, cohort_month ORDER BY months
        ) AS so_far
        FROM retention
    ) AS added
    WHERE cumulative_revenue <> so_far
)
SELECT DISTINCT problem, scope, marketplace, shop_id FROM problems ORDER BY 1, 2, 3, 4
