-- Retention, dense: a row for each marketplace, cohort and month reached, 0 where nobody bought.
WITH activity AS (
    SELECT
        marketplace,
        user_id,
        month_of_order AS month,
        SUM(total_order - shared_order) AS total_order,
        SUM(total_gmv_base_amount) AS gmv_base
    FROM months
    WHERE total_order > 0
    GROUP BY marketplace, user_id, month_of_order
),
cohorts AS (
    SELECT marketplace, user_id, MIN(month) AS cohort_month
    FROM activity
    GROUP BY marketplace, user_id
),
sizes AS (
    SELECT marketplace, cohort_month, COUNT(user_id) AS cohort_size
    FROM cohorts
    GROUP BY marketplace, cohort_month
),
cells AS (
    SELECT
        c.marketplace,
        c.cohort_month,
        a.month,
        COUNT(a.user_id) AS value,
        SUM(a.total_order) AS total_order,
        SUM(a.gmv_base) AS gmv_base
    FROM activity AS a
    JOIN cohorts AS c
        ON c.marketplace IS NOT DISTINCT FROM a.marketplace AND c.user_id = a.user_id
    GROUP BY c.marketplace, c.cohort_month, a.month
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    s.marketplace,
    s.cohort_month,
    s.cohort_size,
    CAST(DATE_DIFF('month', s.cohort_month, m.month) AS INTEGER) AS months,
    COALESCE(cells.value, 0) AS value,
    CAST(COALESCE(cells.total_order, 0) AS BIGINT) AS total_order,
    CAST(COALESCE(cells.gmv_base, 0) AS BIGINT) AS total_gmv_base_amount,
    m.is_partial
FROM sizes AS s
JOIN calendar_months AS m ON m.month >= s.cohort_month
LEFT JOIN cells
    ON cells.marketplace IS NOT DISTINCT FROM s.marketplace
    AND cells.cohort_month = s.cohort_month
    AND cells.month = m.month
