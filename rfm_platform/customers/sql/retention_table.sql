-- A customer lives within one marketplace, so marketplaces add up to the whole. A cohort's size is
-- the same in all its months, and a marketplace without that cohort has none of its customers.
SELECT
    cohort_month,
    CAST(SUM(cohort_size) AS BIGINT) AS cohort_size,
    months,
    CAST(SUM(value) AS BIGINT) AS value,
    BOOL_OR(is_partial) AS is_partial
FROM cohort_matrix
GROUP BY cohort_month, months
ORDER BY cohort_month, months
