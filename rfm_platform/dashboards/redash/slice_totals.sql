-- The chosen slice as a whole: one row, or none of a day without a snapshot: 0 would be a figure.
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
    FROM rfm.rfm_segments_snapshots AS t
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
    chosen.as_of_date,
    CAST(COALESCE(SUM(customers), 0) AS bigint) AS customers,
    CAST(COALESCE(SUM(orders), 0) AS bigint) AS orders,
    ROUND(COALESCE(SUM(revenue), 0) / 10.0 ^ [[RFM_CURRENCY_DECIMALS]], [[RFM_CURRENCY_DECIMALS]])
        AS revenue
FROM chosen
LEFT JOIN slice ON TRUE
WHERE chosen.as_of_date IN (
    SELECT as_of_date FROM rfm.rfm_segments_snapshots
    UNION ALL
    SELECT as_of_date FROM rfm.newest_snapshots WHERE table_name = 'rfm_segments_snapshots'
)
GROUP BY chosen.as_of_date
