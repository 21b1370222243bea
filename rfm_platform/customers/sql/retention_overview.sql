SELECT cohort_month, cohort_size, months, customers, is_partial
FROM cohort_retention
WHERE scope = 'all'
ORDER BY cohort_month, months
