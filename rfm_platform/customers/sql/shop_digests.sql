-- The digest of each shop that published_month.sql has, of lines on some days of one month.
WITH orders AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id,
        BOOL_OR(NOT is_cancelled AND NOT is_returned) AS is_valid,
        BOOL_OR(is_cancelled) AS is_cancelled,
        BOOL_OR(is_returned) AS is_returned,
        COUNT(marketplace_product_barcode) FILTER (WHERE NOT is_cancelled AND NOT is_returned)
            AS units,
        SUM(product_gmv_amount) FILTER (WHERE NOT is_cancelled AND NOT is_returned) AS gmv,
        SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate)
            FILTER (WHERE NOT is_cancelled AND NOT is_returned) AS gmv_base
    FROM source_orders
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id
),
customers AS (
    SELECT
        marketplace, shop_id, user_id, magpie_region_code,
        COUNT(*) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(*) FILTER (WHERE is_cancelled) AS cancelled_orders,
        COUNT(*) FILTER (WHERE is_returned) AS returned_orders,
        SUM(units) AS units,
        COALESCE(SUM(gmv), 0) AS gmv,
        COALESCE(SUM(gmv_base), 0) AS gmv_base
    FROM orders
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
)
SELECT
    marketplace, shop_id,
    CAST(SUM(CAST('0x' || SUBSTR(MD5(CONCAT_WS(CHR(31), user_id, magpie_region_code,
        valid_orders, cancelled_orders, returned_orders, units, gmv, gmv_base)), 1, 8) AS BIGINT))
        AS BIGINT) AS digest
FROM customers
GROUP BY marketplace, shop_id
