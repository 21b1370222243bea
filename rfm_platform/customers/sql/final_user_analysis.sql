-- A customer's whole life in a shop and region: the months merged. Counts and sums add up because
-- an order lies within one day; lists are made distinct again, averages taken from their sums.
WITH customers AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        MIN(first_order_timestamp) AS first_order_timestamp,
        MAX(last_order_timestamp) AS last_order_timestamp,
        SUM(total_order) AS total_order,
        SUM(total_cancelled) AS total_cancelled,
        SUM(total_returned) AS total_returned,
        SUM(total_gmv_amount) AS total_gmv_amount,
        SUM(total_gmv_base_amount) AS total_gmv_base_amount,
        CASE WHEN COUNT(*) = 1 THEN ANY_VALUE(sku_list)
            ELSE LIST_SORT(LIST_DISTINCT(FLATTEN(LIST(sku_list))))
        END AS sku_list,
        SUM(total_quantity) AS total_quantity,
        MIN(min_shipping_amount) AS min_shipping_amount,
        MAX(max_shipping_amount) AS max_shipping_amount,
        SUM(shipping_total) AS shipping_total,
        SUM(shipping_orders) AS shipping_orders,
        SUM(shared_order) AS shared_order,
        MAX(latest_rate) AS latest_rate,
        MAX(latest_order) AS latest_order
    FROM months
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    MD5(CONCAT(
        COALESCE(LENGTH(marketplace) || ':' || marketplace, '-'), ';',
        COALESCE(LENGTH(shop_id) || ':' || shop_id, '-'), ';',
        COALESCE(LENGTH(shop_name) || ':' || shop_name, '-'), ';',
        COALESCE(LENGTH(user_id) || ':' || user_id, '-'), ';',
        COALESCE(LENGTH(magpie_region_code) || ':' || magpie_region_code, '-')
    )) AS customer_key,
    marketplace, shop_id, shop_name, user_id, magpie_region_code,
    NULLIF(CAST(latest_rate % 10000000000 - 2147483648 AS BIGINT), -2147483648) AS kurs_rate,
    first_order_timestamp,
    last_order_timestamp,
    CAST(total_order AS BIGINT) AS total_order,
    CAST(total_cancelled AS BIGINT) AS total_cancelled,
    CAST(total_returned AS BIGINT) AS total_returned,
    CAST(total_gmv_amount AS BIGINT) AS total_gmv_amount,
    CAST(total_gmv_base_amount AS BIGINT) AS total_gmv_base_amount,
    CAST(LEN(sku_list) AS BIGINT) AS total_sku,
    sku_list,
    CAST(total_quantity AS BIGINT) AS total_quantity,
    CASE WHEN STRPOS(latest_order, CHR(0)) > 0
        THEN SUBSTR(latest_order, STRPOS(latest_order, CHR(0)) + 1)
    END AS address_shipping_name,
    min_shipping_amount,
    max_shipping_amount,
    CASE WHEN shipping_orders > 0 THEN CAST(
        SIGN(shipping_total)
        * ((2 * ABS(CAST(shipping_total * 100 AS BIGINT)) + 100 * shipping_orders)
            // (200 * shipping_orders))
    AS BIGINT) END AS avg_shipping_amount,
    CAST($loaded_at AS TIMESTAMP) AS load_timestamp,
    CAST($as_of AS TIMESTAMP) AS etl_batch_time,
    CAST(shared_order AS BIGINT) AS shared_order
FROM customers
