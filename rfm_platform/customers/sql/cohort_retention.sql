-- Retention by customers, orders and revenue of each slice, dense as cohort_matrix, which has the
-- marketplaces' part. In a shop a customer's cohort is the month of the first valid order there.
WITH activity AS (
    SELECT
        marketplace,
        shop_id,
        user_id,
        month_of_order AS month,
        SUM(total_order) AS orders,
        SUM(total_gmv_base_amount) AS revenue
    FROM months
    WHERE total_order > 0
    GROUP BY marketplace, shop_id, user_id, month_of_order
),
first_months AS (
    SELECT *, MIN(month) OVER (PARTITION BY marketplace, shop_id, user_id) AS cohort_month
    FROM activity
),
shop_cells AS (
    SELECT marketplace, shop_id, cohort_month, month, COUNT(user_id) AS customers,
        SUM(orders) AS orders, SUM(revenue) AS revenue
    FROM first_months
    GROUP BY marketplace, shop_id, cohort_month, month
),
sizes AS (
    SELECT marketplace, shop_id, cohort_month, customers AS cohort_size
    FROM shop_cells
    WHERE month = cohort_month
),
names AS (
    SELECT marketplace, shop_id, MAX(shop_name) AS shop_name FROM months
    GROUP BY marketplace, shop_id
),
cells AS (
    SELECT 'shop' AS scope, s.marketplace, s.shop_id, n.shop_name, s.cohort_month, s.cohort_size,
        DATE_DIFF('month', s.cohort_month, m.month) AS months,
        COALESCE(c.customers, 0) AS customers,
        COALESCE(c.orders, 0) AS orders,
        COALESCE(c.revenue, 0) AS revenue,
        m.is_partial
    FROM sizes AS s
    JOIN names AS n
        ON n.marketplace IS NOT DISTINCT FROM s.marketplace
        AND n.shop_id IS NOT DISTINCT FROM s.shop_id
    JOIN calendar_months AS m ON m.month >= s.cohort_month
    LEFT JOIN shop_cells AS c
        ON c.marketplace IS NOT DISTINCT FROM s.marketplace
        AND c.shop_id IS NOT DISTINCT FROM s.shop_id
        AND c.cohort_month = s.cohort_month
        AND c.month = m.month
    UNION ALL
    SELECT 'marketplace', marketplace, NULL, NULL, cohort_month, cohort_size, months, value,
        total_order, total_gmv_base_amount, is_partial
    FROM cohort_matrix
    UNION ALL
    -- A customer lives within one marketplace: marketplaces add up.
    SELECT 'all', NULL, NULL, NULL, cohort_month, SUM(cohort_size), months, SUM(value),
        SUM(total_order), SUM(total_gmv_base_amount), BOOL_OR(is_partial)
    FROM cohort_matrix
    GROUP BY cohort_month, months
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    scope, marketplace, shop_id, shop_name, cohort_month,
    CAST(cohort_size AS BIGINT) AS cohort_size,
    CAST(months AS INTEGER) AS months,
    CAST(customers AS BIGINT) AS customers,
    CAST(orders AS BIGINT) AS orders,
    CAST(revenue AS BIGINT) AS revenue,
    CAST(SUM(revenue) OVER (
        PARTITION BY scope, marketplace, shop_id, cohort_month ORDER BY months
    ) AS BIGINT) AS cumulative_revenue,
    is_partial,
    cohort_month = (SELECT MIN(m.month) FROM calendar_months AS m) AS is_left_truncated
FROM cells
