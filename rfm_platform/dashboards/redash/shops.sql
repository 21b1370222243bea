-- For the dashboards' lists: every shop that a kept snapshot tells of, by its newest name; – is none.
-- A value is put into the queries' text, where a $ could end it: it is coded.
SELECT value, name
FROM (
    SELECT 'all' AS value, 'All shops' AS name, 0 AS place
    UNION ALL
    SELECT
        REPLACE(REPLACE(marketplace || '/' || shop_id, '%', '%25'), '$', '%24'),
        COALESCE(
            (ARRAY_AGG(shop_name ORDER BY as_of_date DESC, shop_name)
                FILTER (WHERE shop_name IS NOT NULL))[1],
            shop_id
        ) || ' (' || marketplace || ')',
        1
    FROM (
        SELECT
            COALESCE(marketplace, '–') AS marketplace,
            COALESCE(shop_id, '–') AS shop_id,
            shop_name,
            as_of_date
        FROM rfm.rfm_segments_snapshots
        WHERE scope = 'shop'
    ) AS kept
    GROUP BY marketplace, shop_id
) AS known
ORDER BY place, value
