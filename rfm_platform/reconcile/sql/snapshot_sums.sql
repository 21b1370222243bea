-- The same totals from the months that a snapshot was made from and from one of its tables, per
-- marketplace; shared orders count once for a customer of several shops.
SELECT *
FROM (
    SELECT 'months' AS source, marketplace,
        SUM(total_order) AS orders_of_shops,
        SUM(total_order - shared_order) AS orders,
        SUM(total_gmv_base_amount) AS gmv_base,
        SUM(total_gmv_amount) AS gmv,
        SUM(total_quantity) AS units,
        COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0) AS customers,
        NULL AS rows, NULL AS control
    FROM months GROUP BY marketplace
    UNION ALL
    SELECT 'final_user_analysis', marketplace,
        SUM(total_order), SUM(total_order - shared_order), SUM(total_gmv_base_amount),
        SUM(total_gmv_amount), SUM(total_quantity),
        COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0), COUNT(*),
        SUM(total_cancelled + total_returned * 3)
    FROM final_user_analysis GROUP BY marketplace
    UNION ALL
    SELECT 'rfm_scores', marketplace, NULL, SUM(frequency), SUM(monetary), NULL, NULL, COUNT(*),
        COUNT(*), SUM(recency)
    FROM rfm_scores GROUP BY marketplace
    UNION ALL
    SELECT 'cohort_matrix', marketplace, NULL, SUM(total_order), SUM(total_gmv_base_amount), NULL,
        NULL, SUM(cohort_size) FILTER (WHERE months = 0), COUNT(*), SUM((months + 1) * value)
    FROM cohort_matrix GROUP BY marketplace
) AS sums
WHERE source IN ('months', $table)
