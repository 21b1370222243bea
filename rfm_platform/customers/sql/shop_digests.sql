-- The digest of each shop that published_month.sql has, of lines on some days of one month.
SELECT
    marketplace, shop_id,
    CAST(SUM(CAST('0x' || SUBSTR(MD5(CONCAT_WS(CHR(31), shop_name, user_id, magpie_region_code,
        orders, cancelled, returned, units, gmv, gmv_base)), 1, 8) AS BIGINT)) AS BIGINT) AS digest
FROM (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE NOT is_cancelled AND NOT is_returned) AS orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_cancelled) AS cancelled,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_returned) AS returned,
        COUNT(marketplace_product_barcode) FILTER (WHERE NOT is_cancelled AND NOT is_returned)
            AS units,
        COALESCE(SUM(product_gmv_amount) FILTER (WHERE NOT is_cancelled AND NOT is_returned), 0)
            AS gmv,
        COALESCE(SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate)
            FILTER (WHERE NOT is_cancelled AND NOT is_returned), 0) AS gmv_base
    FROM source_orders
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
) AS customers
GROUP BY marketplace, shop_id
