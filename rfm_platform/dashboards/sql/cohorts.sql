SELECT scope, marketplace, shop_id, cohort_month, cohort_size, months, customers, orders, revenue,
    is_partial, is_left_truncated
FROM rfm.cohort_retention_snapshots
WHERE as_of_date = %(as_of)s
ORDER BY cohort_month, months
