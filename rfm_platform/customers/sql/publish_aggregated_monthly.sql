-- The published form of the lake's months.
SELECT
    MD5(CONCAT(
        COALESCE(LENGTH(marketplace) || ':' || marketplace, '-'), ';',
        COALESCE(LENGTH(shop_id) || ':' || shop_id, '-'), ';',
        COALESCE(LENGTH(shop_name) || ':' || shop_name, '-'), ';',
        COALESCE(LENGTH(user_id) || ':' || user_id, '-'), ';',
        COALESCE(LENGTH(magpie_region_code) || ':' || magpie_region_code, '-'), ';',
        STRFTIME(month_of_order, '%Y-%m')
    )) AS customer_key,
    marketplace, shop_id, shop_name, user_id, magpie_region_code,
    month_of_order,
    kurs_rate,
    first_order_timestamp,
    last_order_timestamp,
    total_order,
    total_cancelled,
    total_returned,
    total_gmv_amount,
    total_gmv_base_amount,
    LEN(sku_list) AS total_sku,
    sku_list,
    total_quantity,
    address_shipping_name,
    min_shipping_amount,
    max_shipping_amount,
    -- Half away from zero, in whole hundredths: no binary fraction takes part.
    CASE WHEN shipping_orders > 0 THEN CAST(
        SIGN(shipping_total)
        * ((2 * ABS(CAST(shipping_total * 100 AS HUGEINT)) + 100 * shipping_orders)
            // (200 * shipping_orders))
    AS BIGINT) END AS avg_shipping_amount,
    load_timestamp,
    etl_batch_time
FROM aggregated_monthly
