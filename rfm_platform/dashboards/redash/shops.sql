-- For the dashboards' lists: every shop that a kept snapshot tells of.
SELECT 'all' AS value, 'All shops' AS name
UNION ALL
SELECT marketplace || '/' || shop_id AS value,
    COALESCE(MAX(shop_name), shop_id) || ' (' || marketplace || ')' AS name
FROM rfm.rfm_segments_snapshots
WHERE scope = 'shop'
GROUP BY marketplace, shop_id
ORDER BY value
