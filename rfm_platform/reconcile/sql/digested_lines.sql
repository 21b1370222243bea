-- The lake's lines, each with a digest of its columns that the mart can compute as well.
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
