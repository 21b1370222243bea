-- For the dashboards' lists: the days of which a snapshot is kept, newest first.
SELECT value, name
FROM (
    SELECT 'newest' AS value, 'Newest' AS name
    UNION ALL
    SELECT DISTINCT CAST(as_of_date AS text), CAST(as_of_date AS text)
    FROM rfm.rfm_segments_snapshots
) AS known
ORDER BY value DESC
