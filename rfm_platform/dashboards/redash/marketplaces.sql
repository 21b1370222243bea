-- For the dashboards' lists: every marketplace that a kept snapshot tells of; – is none.
SELECT value, name
FROM (
    SELECT 'all' AS value, 'All marketplaces' AS name, 0 AS place
    UNION ALL
    SELECT DISTINCT COALESCE(marketplace, '–'), COALESCE(marketplace, '–'), 1
    FROM rfm.rfm_segments_snapshots
    WHERE scope = 'marketplace'
) AS known
ORDER BY place, value
