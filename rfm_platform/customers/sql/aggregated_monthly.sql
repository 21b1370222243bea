-- One month from its days: a row per shop, customer and region.
-- Orders first, then customers: an order's lines are grouped once, and everything that counts
-- orders or takes each order's fee once reads the small result.
WITH lines AS (
    SELECT *, NOT is_cancelled AND NOT is_returned AS is_valid
    FROM month_lines
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
),
orders AS MATERIALIZED (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id,
        BOOL_OR(is_valid) AS is_valid,
        BOOL_OR(is_cancelled) AS is_cancelled,
        BOOL_OR(is_returned) AS is_returned,
        MIN(create_timestamp) FILTER (WHERE is_valid) AS first_timestamp,
        MAX(create_timestamp) FILTER (WHERE is_valid) AS last_timestamp,
        SUM(product_gmv_amount) FILTER (WHERE is_valid) AS gmv,
        SUM(product_gmv_amount * kurs_rate) FILTER (WHERE is_valid) AS gmv_base,
        COUNT(marketplace_product_barcode) FILTER (WHERE is_valid) AS quantity,
        MAX(shipping_amount) FILTER (WHERE is_valid) AS shipping_amount,
        MAX(address_shipping_name) AS address_shipping_name,
        -- The latest line's rate, the highest on a tie, as the largest of one sortable number.
        MAX(CAST(EPOCH_US(create_timestamp) AS DECIMAL(38, 0)) * 10000000000
            + COALESCE(kurs_rate, -2147483648) + 2147483648) AS latest_rate
    FROM lines
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id
),
-- An order that lies in several rows of one customer is counted by the first of them only when
-- rows are added up to customers. The hash merely finds the few candidates.
candidates AS (
    SELECT HASH(marketplace, user_id, order_id) AS order_hash
    FROM orders
    WHERE is_valid
    GROUP BY order_hash
    HAVING COUNT(*) > 1
),
shared AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        ROW_NUMBER() OVER (
            PARTITION BY marketplace, user_id, order_id
            ORDER BY shop_id, shop_name, magpie_region_code
        ) AS occurrence
    FROM orders
    WHERE is_valid
      AND HASH(marketplace, user_id, order_id) IN (SELECT order_hash FROM candidates)
),
skus AS (
    SELECT DISTINCT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        marketplace_product_id, marketplace_variant_id
    FROM lines
    WHERE is_valid
      AND (marketplace_product_id IS NOT NULL OR marketplace_variant_id IS NOT NULL)
),
parts AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        is_valid, is_cancelled, is_returned, first_timestamp, last_timestamp,
        gmv, gmv_base, quantity, shipping_amount, latest_rate,
        -- The latest valid order and its recipient, likewise: no text in PostgreSQL holds a NUL.
        CASE WHEN is_valid THEN
            CAST(EPOCH_US(last_timestamp) + 1000000000000000000 AS VARCHAR)
            || COALESCE(order_id, '')
            || COALESCE(CHR(0) || address_shipping_name, '')
        END AS latest_order,
        0 AS shared_order,
        NULL AS sku
    FROM orders
    UNION ALL
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL
    FROM shared
    WHERE occurrence > 1
    UNION ALL
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0,
        COALESCE(marketplace_product_id, '') || '/' || COALESCE(marketplace_variant_id, '')
    FROM skus
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
        LIST_SORT(LIST(sku) FILTER (WHERE sku IS NOT NULL)) AS sku_list,
        SUM(quantity) AS total_quantity,
        MIN(shipping_amount) AS min_shipping_amount,
        MAX(shipping_amount) AS max_shipping_amount,
        SUM(shipping_amount) AS shipping_total,
        COUNT(shipping_amount) AS shipping_orders,
        SUM(shared_order) AS shared_order,
        MAX(latest_rate) AS latest_rate,
        MAX(latest_order) AS latest_order
    FROM parts
    GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
)
SELECT
    MD5(CONCAT(
        COALESCE(LENGTH(marketplace) || ':' || marketplace, '-'), ';',
        COALESCE(LENGTH(shop_id) || ':' || shop_id, '-'), ';',
        COALESCE(LENGTH(shop_name) || ':' || shop_name, '-'), ';',
        COALESCE(LENGTH(user_id) || ':' || user_id, '-'), ';',
        COALESCE(LENGTH(magpie_region_code) || ':' || magpie_region_code, '-'), ';',
        STRFTIME($month, '%Y-%m')
    )) AS customer_key,
    marketplace, shop_id, shop_name, user_id, magpie_region_code,
    CAST($month AS DATE) AS month_of_order,
    NULLIF(CAST(latest_rate % 10000000000 - 2147483648 AS BIGINT), -2147483648) AS kurs_rate,
    first_order_timestamp,
    last_order_timestamp,
    CAST(total_order AS BIGINT) AS total_order,
    CAST(total_cancelled AS BIGINT) AS total_cancelled,
    CAST(total_returned AS BIGINT) AS total_returned,
    CAST(total_gmv_amount AS BIGINT) AS total_gmv_amount,
    CAST(total_gmv_base_amount AS BIGINT) AS total_gmv_base_amount,
    CAST(COALESCE(LEN(sku_list), 0) AS BIGINT) AS total_sku,
    COALESCE(sku_list, []) AS sku_list,
    CAST(COALESCE(total_quantity, 0) AS BIGINT) AS total_quantity,
    CASE WHEN STRPOS(latest_order, CHR(0)) > 0
        THEN SUBSTR(latest_order, STRPOS(latest_order, CHR(0)) + 1)
    END AS address_shipping_name,
    min_shipping_amount,
    max_shipping_amount,
    -- Half away from zero, in whole hundredths: no binary fraction takes part.
    CASE WHEN shipping_orders > 0 THEN CAST(
        SIGN(shipping_total)
        * ((2 * ABS(CAST(shipping_total * 100 AS BIGINT)) + 100 * shipping_orders)
            // (200 * shipping_orders))
    AS BIGINT) END AS avg_shipping_amount,
    CAST($loaded_at AS TIMESTAMP) AS load_timestamp,
    CAST($batch AS TIMESTAMP) AS etl_batch_time,
    -- What a later merge of months needs and no analyst does.
    latest_order,
    latest_rate,
    CAST(shipping_total AS DECIMAL(38, 2)) AS shipping_total,
    CAST(shipping_orders AS BIGINT) AS shipping_orders,
    CAST(shared_order AS BIGINT) AS shared_order,
    $built_from AS built_from
FROM customers
