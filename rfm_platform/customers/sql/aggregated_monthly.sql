-- One month: a row per shop, customer and region, from month_orders and customer_skus.
-- An order that lies in several rows of one customer is counted by the first of them only when
-- rows are added up to customers. The hash merely finds the few candidates.
WITH candidates AS (
    SELECT HASH(user_id) AS user_hash, HASH(order_id) AS order_hash
    FROM month_orders
    WHERE is_valid
    GROUP BY user_hash, order_hash
    HAVING COUNT(*) > 1
),
shared AS (
    SELECT
        HASH(user_id) AS user_hash,
        HASH(marketplace, shop_id, shop_name, magpie_region_code) AS shop_hash,
        ROW_NUMBER() OVER (
            PARTITION BY marketplace, user_id, order_id
            ORDER BY shop_id, shop_name, magpie_region_code
        ) AS occurrence
    FROM month_orders
    SEMI JOIN candidates
        ON candidates.user_hash = HASH(user_id) AND candidates.order_hash = HASH(order_id)
    WHERE is_valid
),
customers AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        MIN(first_timestamp) AS first_order_timestamp,
        MAX(last_timestamp) AS last_order_timestamp,
        COUNT(*) FILTER (WHERE is_valid) AS total_order,
        COUNT(*) FILTER (WHERE is_cancelled) AS total_cancelled,
        COUNT(*) FILTER (WHERE is_returned) AS total_returned,
        COALESCE(SUM(gmv), 0) AS total_gmv_amount,
        COALESCE(SUM(gmv_base), 0) AS total_gmv_base_amount,
        SUM(quantity) AS total_quantity,
        MIN(shipping_amount) AS min_shipping_amount,
        MAX(shipping_amount) AS max_shipping_amount,
        SUM(shipping_amount) AS shipping_total,
        COUNT(shipping_amount) AS shipping_orders,
        MAX(latest_rate) AS latest_rate,
        -- The latest valid order and its recipient, the highest order_id on a tie, as the largest
        -- of one sortable text: PostgreSQL's text never holds a NUL.
        MAX(CAST(EPOCH_US(last_timestamp) + 1000000000000000000 AS VARCHAR)
            || COALESCE(order_id, '')
            || COALESCE(CHR(0) || address_shipping_name, '')) AS latest_order
    FROM month_orders
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
),
shared_orders AS (
    SELECT user_hash, shop_hash, COUNT(*) AS orders
    FROM shared
    WHERE occurrence > 1
    GROUP BY user_hash, shop_hash
)
SELECT
    marketplace, shop_id, shop_name, user_id, magpie_region_code,
    CAST($month AS DATE) AS month_of_order,
    NULLIF(CAST(latest_rate % 10000000000 - 2147483648 AS BIGINT), -2147483648) AS kurs_rate,
    first_order_timestamp,
    last_order_timestamp,
    total_order,
    total_cancelled,
    total_returned,
    total_gmv_amount,
    total_gmv_base_amount,
    COALESCE(l.sku_list, []) AS sku_list,
    total_quantity,
    CASE
        WHEN STRPOS(latest_order, CHR(0)) > 0
        THEN SUBSTR(latest_order, STRPOS(latest_order, CHR(0)) + 1)
    END AS address_shipping_name,
    min_shipping_amount,
    max_shipping_amount,
    shipping_total,
    shipping_orders,
    COALESCE(s.orders, 0) AS shared_order,
    CAST($loaded_at AS TIMESTAMP) AS load_timestamp,
    CAST($batch AS TIMESTAMP) AS etl_batch_time,
    $built_from AS built_from
FROM customers AS c
LEFT JOIN customer_skus AS l
    ON l.user_hash = HASH(user_id)
    AND l.shop_hash = HASH(marketplace, shop_id, shop_name, magpie_region_code)
LEFT JOIN shared_orders AS s
    ON s.user_hash = HASH(user_id)
    AND s.shop_hash = HASH(marketplace, shop_id, shop_name, magpie_region_code)
