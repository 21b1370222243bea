-- A customer's whole life in a shop and region: the months merged. Counts and sums add up because
-- an order lies within one day; lists are made distinct again. Most customers bought in one month:
-- those rows pass through.
WITH keyed AS (
    SELECT
        *,
        HASH(user_id) AS user_hash,
        HASH(marketplace, shop_id, shop_name, magpie_region_code) AS shop_hash
    FROM months
),
repeated AS MATERIALIZED (
    SELECT user_hash, shop_hash
    FROM keyed
    GROUP BY user_hash, shop_hash
    HAVING COUNT(*) > 1
),
merged AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        MIN(first_order_timestamp) AS first_order_timestamp,
        MAX(last_order_timestamp) AS last_order_timestamp,
        SUM(total_order) AS total_order,
        SUM(total_cancelled) AS total_cancelled,
        SUM(total_returned) AS total_returned,
        SUM(total_gmv_amount) AS total_gmv_amount,
        SUM(total_gmv_base_amount) AS total_gmv_base_amount,
        LIST_SORT(LIST_DISTINCT(FLATTEN(LIST(sku_list)))) AS sku_list,
        SUM(total_quantity) AS total_quantity,
        MIN(min_shipping_amount) AS min_shipping_amount,
        MAX(max_shipping_amount) AS max_shipping_amount,
        SUM(shipping_total) AS shipping_total,
        SUM(shipping_orders) AS shipping_orders,
        MAX(latest_rate) AS latest_rate,
        -- Each row is another month's: no two of a customer share the timestamp.
        ARG_MAX(latest_order, last_order_timestamp) AS latest_order,
        SUM(shared_order) AS shared_order
    FROM keyed
    SEMI JOIN repeated
        ON repeated.user_hash = keyed.user_hash AND repeated.shop_hash = keyed.shop_hash
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
    UNION ALL
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        first_order_timestamp, last_order_timestamp,
        total_order, total_cancelled, total_returned, total_gmv_amount, total_gmv_base_amount,
        sku_list, total_quantity, min_shipping_amount, max_shipping_amount,
        shipping_total, shipping_orders, latest_rate, latest_order, shared_order
    FROM keyed
    ANTI JOIN repeated
        ON repeated.user_hash = keyed.user_hash AND repeated.shop_hash = keyed.shop_hash
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    marketplace, shop_id, shop_name, user_id, magpie_region_code,
    first_order_timestamp, last_order_timestamp,
    total_order, total_cancelled, total_returned, total_gmv_amount, total_gmv_base_amount,
    sku_list, total_quantity, min_shipping_amount, max_shipping_amount,
    shipping_total, shipping_orders, latest_rate, latest_order, shared_order,
    CAST($loaded_at AS TIMESTAMP) AS load_timestamp,
    CAST($as_of AS TIMESTAMP) AS etl_batch_time,
    CAST($source_version AS BIGINT) AS source_version,
    $recipe AS recipe
FROM merged
