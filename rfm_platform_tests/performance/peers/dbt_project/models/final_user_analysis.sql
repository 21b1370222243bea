WITH totals AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        ARG_MAX(kurs_rate, ROW(latest_timestamp, kurs_rate)) AS kurs_rate,
        MIN(first_timestamp) AS first_order_timestamp,
        MAX(last_timestamp) AS last_order_timestamp,
        COUNT(*) FILTER (is_valid) AS total_order,
        COUNT(*) FILTER (is_cancelled) AS total_cancelled,
        COUNT(*) FILTER (is_returned) AS total_returned,
        COALESCE(SUM(gmv), 0) AS total_gmv_amount,
        COALESCE(SUM(gmv_base), 0) AS total_gmv_base_amount,
        SUM(quantity) AS total_quantity,
        ARG_MAX_NULL(address_shipping_name, ROW(last_timestamp, order_id)) FILTER (is_valid)
            AS address_shipping_name,
        MIN(shipping_amount) AS min_shipping_amount,
        MAX(shipping_amount) AS max_shipping_amount,
        CAST(ROUND(AVG(shipping_amount)) AS BIGINT) AS avg_shipping_amount
    FROM {{ ref('orders') }}
    GROUP BY ALL
),
sku_lists AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        LIST_SORT(LIST_DISTINCT(LIST(sku))) AS sku_list
    FROM {{ ref('skus') }}
    GROUP BY ALL
)
SELECT t.*, COALESCE(s.sku_list, []) AS sku_list, COALESCE(LEN(s.sku_list), 0) AS total_sku
FROM totals AS t
LEFT JOIN sku_lists AS s
    ON s.marketplace IS NOT DISTINCT FROM t.marketplace
    AND s.shop_id IS NOT DISTINCT FROM t.shop_id
    AND s.shop_name IS NOT DISTINCT FROM t.shop_name
    AND s.user_id IS NOT DISTINCT FROM t.user_id
    AND s.magpie_region_code IS NOT DISTINCT FROM t.magpie_region_code
