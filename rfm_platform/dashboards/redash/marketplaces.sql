-- For the dashboards' lists: every marketplace that a kept snapshot tells of; – is none.
SELECT 'all' AS value, 'All marketplaces' AS name
UNION ALL
SELECT value, value AS name
FROM (
    SELECT DISTINCT COALESCE(marketplace, '–') AS value
    FROM rfm.rfm_segments_snapshots
    WHERE scope = 'marketplace'
) AS known
ORDER BY value
