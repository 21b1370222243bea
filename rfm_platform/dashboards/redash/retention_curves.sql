-- The share of each cohort that bought again, month by month, and of all cohorts together but that
-- of the history's first month, which holds customers of before.
WITH chosen AS (
    SELECT
        COALESCE(
            NULLIF($v${{ as_of }}$v$, 'newest')::date,
            GREATEST(
                (SELECT MAX(as_of_date) FROM rfm.rfm_segments_snapshots),
                (
                    SELECT as_of_date FROM rfm.newest_snapshots
                    WHERE table_name = 'rfm_segments_snapshots'
                )
            )
        ) AS as_of_date,
        -- As the lists offer them: % is %25, $ is %24, a marketplace called all %61ll.
        REPLACE(
            REPLACE(REPLACE(NULLIF($v${{ marketplace }}$v$, 'all'), '%61', 'a'), '%24', '$'),
            '%25', '%'
        ) AS marketplace,
        REPLACE(REPLACE(NULLIF($v${{ shop }}$v$, 'all'), '%24', '$'), '%25', '%') AS shop
),
slice AS (
    SELECT t.*
    FROM rfm.cohort_retention_snapshots AS t
    JOIN chosen ON t.as_of_date = chosen.as_of_date
    WHERE CASE
        WHEN chosen.shop IS NOT NULL
            THEN t.scope = 'shop'
                AND COALESCE(t.marketplace, '–') || '/' || COALESCE(t.shop_id, '–') = chosen.shop
        WHEN chosen.marketplace IS NOT NULL
            THEN t.scope = 'marketplace' AND COALESCE(t.marketplace, '–') = chosen.marketplace
        ELSE t.scope = 'all'
    END
),
months_over AS (
    SELECT * FROM slice WHERE NOT is_partial AND months > 0 AND cohort_size > 0
)
SELECT
    'All cohorts' AS cohort,
    months,
    100 * CAST(SUM(customers) AS double precision) / CAST(SUM(cohort_size) AS double precision)
        AS retention_percent
FROM months_over
WHERE NOT is_left_truncated
GROUP BY months
UNION ALL
SELECT
    TO_CHAR(cohort_month, 'YYYY-MM'),
    months,
    100 * CAST(customers AS double precision) / CAST(cohort_size AS double precision)
FROM months_over
ORDER BY cohort, months
