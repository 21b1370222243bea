{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='month_of_order'
) }}

SELECT DISTINCT
    marketplace, shop_id, shop_name, user_id, magpie_region_code, month_of_order,
    COALESCE(marketplace_product_id, '') || '/' || COALESCE(marketplace_variant_id, '') AS sku
FROM {{ ref('lines') }}
WHERE is_valid AND (marketplace_product_id IS NOT NULL OR marketplace_variant_id IS NOT NULL)
{% if is_incremental() %}
    AND month_of_order IN ({{ var('changed_months') }})
{% endif %}
