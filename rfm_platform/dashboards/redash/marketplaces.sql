-- For the dashboards' lists: every marketplace that a kept snapshot tells of; – is none. A value is
-- put into the queries' text, where a $ could end it, and all means everybody: those are coded.
SELECT value, name
FROM (
    SELECT 'all' AS value, 'All marketplaces' AS name, 0 AS place
    UNION ALL
    SELECT
        CASE name
            WHEN 'all' THEN '%61ll'
            ELSE REPLACE(REPLACE(name, '%', '%25'), '$', '%24')
        END,
        name,
        1
    FROM (
        SELECT DISTINCT COALESCE(marketplace, '–') AS name
        FROM rfm.rfm_segments_snapshots
        WHERE scope = 'marketplace'
    ) AS kept
) AS known
ORDER BY place, value
