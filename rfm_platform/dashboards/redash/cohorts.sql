-- Retention by customers, for Redash's COHORT: dense rows, stages from 1, a date in the middle of
-- the month, because a month's first day shows as the month before west of Greenwich. A month that
-- is not over is left out: its rate would be too low.
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
)
SELECT
    cohort_month + 14 AS cohort,
    months + 1 AS stage,
    cohort_size AS total,
    customers AS value
FROM slice
WHERE NOT is_partial AND cohort_size > 0
ORDER BY cohort, stage
