-- The lines of some orders of a day and marketplace, with the flags as they are understood: 1, 0,
-- or null where nobody knows.
SELECT
    COALESCE({order_id}, '') AS order_id,
    {user_id} AS user_id,
    {shop_id} AS shop_id,
    {shop_name} AS shop_name,
    {magpie_region_code} AS magpie_region_code,
    {kurs_rate}::bigint AS kurs_rate,
    {created_local} AS create_timestamp,
    {cancelled_flag} AS cancelled_flag,
    {returned_flag} AS returned_flag,
    {product_gmv_amount}::bigint AS product_gmv_amount,
    {marketplace_product_id} AS marketplace_product_id,
    {marketplace_variant_id} AS marketplace_variant_id,
    {marketplace_product_barcode} AS marketplace_product_barcode,
    {order_shipping_fee_buyer_amount} AS order_shipping_fee_buyer_amount,
    {cancelled} AS cancelled,
    {returned} AS returned,
    (
        SELECT MD5(CONVERT_TO({recipient}, 'UTF8'))
        FROM {orders} AS o
        WHERE {orders_marketplace} = {marketplace} AND {orders_order_id} = {order_id}
    ) AS recipient
FROM {lines} AS l
WHERE {created} >= {first} AND {created} < {after}
  AND {created_local}::date = ANY(%(days)s)
  AND {marketplace} IS NOT DISTINCT FROM %(marketplace)s
  AND COALESCE({order_id}, '') = ANY(%(orders)s)
