-- What the warehouse shows of one table of a snapshot, per marketplace, to hold against the lake.
SELECT *
FROM (
    SELECT 'final_user_analysis' AS source, marketplace,
        SUM(total_order)::bigint AS orders_of_shops, NULL::bigint AS orders,
        SUM(total_gmv_base_amount)::bigint AS gmv_base, SUM(total_gmv_amount)::bigint AS gmv,
        SUM(total_quantity)::bigint AS units,
        COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0) AS customers, COUNT(*) AS rows,
        SUM(total_cancelled + total_returned * 3)::bigint AS control
    FROM rfm.final_user_analysis_snapshots WHERE as_of_date = %(as_of)s GROUP BY marketplace
    UNION ALL
    SELECT 'rfm_scores', marketplace, NULL, SUM(frequency)::bigint, SUM(monetary)::bigint, NULL, NULL,
        COUNT(*), COUNT(*), SUM(recency)::bigint
    FROM rfm.rfm_scores_snapshots WHERE as_of_date = %(as_of)s GROUP BY marketplace
    UNION ALL
    SELECT 'cohort_matrix', marketplace, NULL, SUM(total_order)::bigint,
        SUM(total_gmv_base_amount)::bigint, NULL, NULL,
        SUM(cohort_size) FILTER (WHERE months = 0)::bigint, COUNT(*),
        SUM((months + 1) * value)::bigint
    FROM rfm.cohort_matrix_snapshots WHERE as_of_date = %(as_of)s GROUP BY marketplace
) AS sums
WHERE source = %(table)s
