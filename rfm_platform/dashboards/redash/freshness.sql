-- How far behind what the dashboards show is: one row, which the alert reads. The table that is
-- furthest behind counts; where a snapshot came out without rows, its day is only noted. By the
-- shop's own clock, and a day counts from the deadline on, by which the day before it has to be
-- published.
WITH held AS (
    SELECT 'rfm_segments_snapshots' AS table_name, MAX(as_of_date) AS as_of_date
    FROM rfm.rfm_segments_snapshots
    UNION ALL
    SELECT 'rfm_cells_snapshots', MAX(as_of_date) FROM rfm.rfm_cells_snapshots
    UNION ALL
    SELECT 'rfm_concentration_snapshots', MAX(as_of_date) FROM rfm.rfm_concentration_snapshots
    UNION ALL
    SELECT 'rfm_migration_snapshots', MAX(as_of_date) FROM rfm.rfm_migration_snapshots
    UNION ALL
    SELECT 'cohort_retention_snapshots', MAX(as_of_date) FROM rfm.cohort_retention_snapshots
),
shown AS (
    SELECT GREATEST(held.as_of_date, noted.as_of_date) AS as_of_date, noted.published_at
    FROM held
    LEFT JOIN rfm.newest_snapshots AS noted ON noted.table_name = held.table_name
)
SELECT
    as_of_date AS newest_day,
    DATE_TRUNC('second', published_at) AS published_at,
    CAST(now() AT TIME ZONE '[[RFM_TIMEZONE]]' - INTERVAL '[[RFM_DEADLINE]]' AS date)
        - as_of_date AS days_behind
FROM shown
ORDER BY newest_day, published_at DESC NULLS LAST
LIMIT 1
