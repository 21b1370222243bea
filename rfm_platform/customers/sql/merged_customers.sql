-- The months of a customer of a shop and region, merged; one of several parts of the customers.
-- Counts and sums add up because an order lies within one day; lists are made distinct again. Each
-- row is another month's: no two of a customer share a timestamp.
SELECT
    marketplace, shop_id, shop_name, user_id, magpie_region_code,
    NULLIF(
        ARG_MAX(COALESCE(CAST(kurs_rate AS BIGINT), -2147483649), month_of_order), -2147483649
    ) AS kurs_rate,
    MIN(first_order_timestamp) AS first_order_timestamp,
    MAX(last_order_timestamp) AS last_order_timestamp,
    SUM(total_order) AS total_order,
    SUM(total_cancelled) AS total_cancelled,
    SUM(total_returned) AS total_returned,
    SUM(total_gmv_amount) AS total_gmv_amount,
    SUM(total_gmv_base_amount) AS total_gmv_base_amount,
    LIST_SORT(LIST_DISTINCT(FLATTEN(LIST(sku_list)))) AS sku_list,
    SUM(total_quantity) AS total_quantity,
    -- A null must win over an earlier name: the largest is looked for among texts that are none.
    CASE
        WHEN ARG_MAX(COALESCE('=' || address_shipping_name, ''), last_order_timestamp) <> ''
        THEN SUBSTR(
            ARG_MAX(COALESCE('=' || address_shipping_name, ''), last_order_timestamp), 2
        )
    END AS address_shipping_name,
    MIN(min_shipping_amount) AS min_shipping_amount,
    MAX(max_shipping_amount) AS max_shipping_amount,
    SUM(shipping_total) AS shipping_total,
    SUM(shipping_orders) AS shipping_orders,
    SUM(shared_order) AS shared_order
FROM repeated_months
WHERE CAST(HASH(user_id) AS HUGEINT) % $parts = $part
GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code
