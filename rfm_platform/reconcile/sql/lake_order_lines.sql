-- The lines of some orders of a marketplace, with the flags as they are understood: 1, 0, or null
-- where nobody knows.
SELECT
    COALESCE(order_id, '') AS order_id,
    user_id, shop_id, shop_name, magpie_region_code,
    CAST(kurs_rate AS BIGINT) AS kurs_rate,
    create_timestamp, cancelled_flag, returned_flag, product_gmv_amount,
    marketplace_product_id, marketplace_variant_id, marketplace_product_barcode,
    order_shipping_fee_buyer_amount,
    CAST(is_cancelled AS INTEGER) AS cancelled,
    CAST(is_returned AS INTEGER) AS returned,
    MD5(address_shipping_name) AS recipient
FROM source_orders
WHERE marketplace IS NOT DISTINCT FROM $marketplace
  AND LIST_CONTAINS($orders, COALESCE(order_id, ''))
