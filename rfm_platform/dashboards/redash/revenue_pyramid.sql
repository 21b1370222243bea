-- What the largest customers bring: 1, 5 and 20 per cent are the pyramid's tiers.
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
    FROM rfm.rfm_concentration_snapshots AS t
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
    'Top ' || percent || ' %' AS tier,
    percent,
    customers,
    ROUND(revenue / 10.0 ^ [[RFM_CURRENCY_DECIMALS]], [[RFM_CURRENCY_DECIMALS]]) AS revenue,
    100 * revenue_share AS revenue_percent
FROM slice
WHERE percent IN (1, 5, 20)
ORDER BY percent
