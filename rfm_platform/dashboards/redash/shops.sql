-- For the dashboards' lists: every shop that a kept snapshot tells of; – is none.
SELECT 'all' AS value, 'All shops' AS name
UNION ALL
SELECT marketplace || '/' || shop_id AS value,
    COALESCE(MAX(shop_name), shop_id) || ' (' || marketplace || ')' AS name
FROM (
    SELECT
        COALESCE(marketplace, '–') AS marketplace,
        COALESCE(shop_id, '–') AS shop_id,
        shop_name
    FROM rfm.rfm_segments_snapshots
    WHERE scope = 'shop'
) AS known
GROUP BY marketplace, shop_id
ORDER BY value
