{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='month_of_order'
) }}

SELECT
    marketplace, shop_id, shop_name, user_id, magpie_region_code, month_of_order, order_id,
    BOOL_OR(is_valid) AS is_valid,
    BOOL_OR(is_cancelled) AS is_cancelled,
    BOOL_OR(is_returned) AS is_returned,
    MIN(create_timestamp) FILTER (is_valid) AS first_timestamp,
    MAX(create_timestamp) FILTER (is_valid) AS last_timestamp,
    SUM(product_gmv_amount) FILTER (is_valid) AS gmv,
    SUM(product_gmv_amount * kurs_rate) FILTER (is_valid) AS gmv_base,
    COUNT(marketplace_product_barcode) FILTER (is_valid) AS quantity,
    MAX(shipping_amount) FILTER (is_valid) AS shipping_amount,
    ANY_VALUE(address_shipping_name) AS address_shipping_name,
    MAX(create_timestamp) AS latest_timestamp,
    ARG_MAX(kurs_rate, create_timestamp) AS kurs_rate
FROM {{ ref('lines') }}
{% if is_incremental() %}
WHERE month_of_order IN ({{ var('changed_months') }})
{% endif %}
GROUP BY ALL
