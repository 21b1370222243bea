-- Revenue of each cohort by month, against its first month's, for Redash's COHORT (see cohorts),
-- which takes whole numbers.
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
whole AS (
    SELECT
        cohort_month,
        months,
        CAST(ROUND(revenue / 10.0 ^ [[RFM_CURRENCY_DECIMALS]]) AS bigint) AS revenue
    FROM slice
    WHERE NOT is_partial
),
months_over AS (
    SELECT
        *,
        FIRST_VALUE(revenue) OVER (PARTITION BY cohort_month ORDER BY months) AS first_revenue
    FROM whole
)
SELECT
    cohort_month + 14 AS cohort,
    months + 1 AS stage,
    first_revenue AS total,
    revenue AS value
FROM months_over
WHERE first_revenue > 0
ORDER BY cohort, stage
