-- What the lake holds, per day and marketplace: the platform's side of reconciliation.
WITH lines AS (
    SELECT
        day, marketplace, order_id, create_timestamp, product_gmv_amount, kurs_rate,
        marketplace_product_barcode, address_shipping_name,
        NULLIF(user_id, '') AS user_id,
        is_cancelled, is_returned,
        NOT is_cancelled AND NOT is_returned AS is_valid,
        MD5(CONCAT(
            COALESCE(LENGTH(marketplace) || ':' || marketplace, '-'), ';',
            COALESCE(LENGTH(shop_id) || ':' || shop_id, '-'), ';',
            COALESCE(LENGTH(shop_name) || ':' || shop_name, '-'), ';',
            COALESCE(LENGTH(user_id) || ':' || user_id, '-'), ';',
            COALESCE(LENGTH(magpie_region_code) || ':' || magpie_region_code, '-'), ';',
            COALESCE(CAST(kurs_rate AS VARCHAR), '-'), ';',
            STRFTIME(create_timestamp, '%Y-%m-%d %H:%M:%S.%f'), ';',
            COALESCE(LENGTH(cancelled_flag) || ':' || cancelled_flag, '-'), ';',
            COALESCE(LENGTH(returned_flag) || ':' || returned_flag, '-'), ';',
            COALESCE(LENGTH(order_id) || ':' || order_id, '-'), ';',
            COALESCE(CAST(product_gmv_amount AS VARCHAR), '-'), ';',
            COALESCE(LENGTH(marketplace_product_id) || ':' || marketplace_product_id, '-'), ';',
            COALESCE(LENGTH(marketplace_variant_id) || ':' || marketplace_variant_id, '-'), ';',
            COALESCE(
                LENGTH(marketplace_product_barcode) || ':' || marketplace_product_barcode, '-'
            ), ';',
            COALESCE(
                LENGTH(order_shipping_fee_buyer_amount) || ':' || order_shipping_fee_buyer_amount,
                '-'
            )
        )) AS digest
    FROM source_orders
),
totals AS (
    SELECT
        day,
        marketplace,
        COUNT(*) AS lines,
        COUNT(DISTINCT ROW(order_id)) AS orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_cancelled AND is_returned IS NOT NULL)
            AS cancelled_orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_returned AND is_cancelled IS NOT NULL)
            AS returned_orders,
        COALESCE(SUM(product_gmv_amount) FILTER (WHERE is_valid), 0) AS gmv,
        COALESCE(SUM(product_gmv_amount * kurs_rate) FILTER (WHERE is_valid), 0) AS gmv_base,
        COUNT(marketplace_product_barcode) FILTER (WHERE is_valid) AS units,
        COUNT(DISTINCT user_id) FILTER (WHERE is_valid) AS customers,
        COUNT(*) FILTER (WHERE user_id IS NULL) AS lines_without_customer,
        COUNT(*) FILTER (WHERE is_cancelled IS NULL OR is_returned IS NULL)
            AS lines_with_unknown_flag,
        MIN(create_timestamp) AS first_timestamp,
        MAX(create_timestamp) AS last_timestamp,
        CAST(SUM(CAST('0x' || LEFT(digest, 15) AS BIGINT)) AS VARCHAR) AS fingerprint
    FROM lines
    GROUP BY day, marketplace
),
names AS (
    SELECT
        day,
        marketplace,
        CAST(SUM(CAST('0x' || LEFT(MD5(CONCAT(
            COALESCE(LENGTH(order_id) || ':' || order_id, '-'), ';', address_shipping_name
        )), 15) AS BIGINT)) AS VARCHAR) AS names_fingerprint
    FROM (
        SELECT DISTINCT day, marketplace, order_id, address_shipping_name
        FROM lines
        WHERE address_shipping_name IS NOT NULL
    )
    GROUP BY day, marketplace
)
SELECT totals.*, COALESCE(names.names_fingerprint, '0') AS names_fingerprint
FROM totals
LEFT JOIN names
    ON names.day = totals.day AND names.marketplace IS NOT DISTINCT FROM totals.marketplace
