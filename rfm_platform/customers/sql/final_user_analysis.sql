-- A customer's whole life in a shop and region: months merged (merged_customers.sql). Most customers
-- bought in one month: those rows pass through.
WITH customers AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
        first_order_timestamp, last_order_timestamp,
        total_order, total_cancelled, total_returned, total_gmv_amount, total_gmv_base_amount,
        sku_list, total_quantity, address_shipping_name, min_shipping_amount, max_shipping_amount,
        shipping_total, shipping_orders, shared_order
    FROM merged_customers
    UNION ALL
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
        first_order_timestamp, last_order_timestamp,
        total_order, total_cancelled, total_returned, total_gmv_amount, total_gmv_base_amount,
        sku_list, total_quantity, address_shipping_name, min_shipping_amount, max_shipping_amount,
        shipping_total, shipping_orders, shared_order
    FROM months
    ANTI JOIN repeated_customers AS r
        ON r.user_hash = HASH(user_id)
        AND r.shop_hash = HASH(marketplace, shop_id, shop_name, magpie_region_code)
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
    first_order_timestamp, last_order_timestamp,
    total_order, total_cancelled, total_returned, total_gmv_amount, total_gmv_base_amount,
    sku_list, total_quantity, address_shipping_name, min_shipping_amount, max_shipping_amount,
    shipping_total, shipping_orders, shared_order,
    CAST($loaded_at AS TIMESTAMP) AS load_timestamp,
    CAST($as_of AS TIMESTAMP) AS etl_batch_time,
    CAST($source_version AS BIGINT) AS source_version,
    $recipe AS recipe
FROM customers
