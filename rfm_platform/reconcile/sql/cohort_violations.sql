-- Cells of a cohort matrix that break what always holds.
WITH active AS (
    SELECT marketplace, month_of_order AS month, COUNT(DISTINCT user_id) AS customers
    FROM months
    WHERE total_order > 0
    GROUP BY marketplace, month_of_order
),
by_month AS (
    SELECT
        marketplace,
        CAST(cohort_month + TO_MONTHS(months) AS DATE) AS month,
        SUM(value) AS customers
    FROM cohort_matrix
    GROUP BY marketplace, month
)
SELECT 'month 0 is not the whole cohort' AS problem, marketplace, cohort_month AS month
FROM cohort_matrix
WHERE months = 0 AND value <> cohort_size
UNION ALL
SELECT 'more customers than the cohort has', marketplace, cohort_month
FROM cohort_matrix
WHERE value > cohort_size
UNION ALL
SELECT 'customers of a calendar month do not add up', b.marketplace, b.month
FROM by_month AS b
LEFT JOIN active AS a ON a.marketplace IS NOT DISTINCT FROM b.marketplace AND a.month = b.month
WHERE b.customers <> COALESCE(a.customers, 0)
UNION ALL
SELECT 'a month in which somebody bought is missing', a.marketplace, a.month
FROM active AS a
LEFT JOIN by_month AS b ON b.marketplace IS NOT DISTINCT FROM a.marketplace AND b.month = a.month
WHERE b.month IS NULL
ORDER BY 1, 2, 3
