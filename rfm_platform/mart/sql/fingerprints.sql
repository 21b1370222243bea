-- A fingerprint of each day: every used column of its lines and of their orders' recipients, in
-- whatever order the rows come. A sum, so that a row that is there twice counts twice; PostgreSQL's
-- own hash of a record, at a fraction of what a digest of text costs, which tells NULL from ''. It
-- is hashed once more: it adds up its columns, and two lines that exchanged a value would have the
-- same sum.
SELECT
    {created_local}::date AS day,
    COUNT(*) || ':' || SUM(HASHINT8EXTENDED(HASH_RECORD_EXTENDED(ROW(
        {marketplace}::text COLLATE "C",
        {shop_id}::text COLLATE "C",
        {shop_name}::text COLLATE "C",
        {user_id}::text COLLATE "C",
        {magpie_region_code}::text COLLATE "C",
        {kurs_rate}::bigint,
        {created_local},
        {cancelled_flag}::text COLLATE "C",
        {returned_flag}::text COLLATE "C",
        {order_id}::text COLLATE "C",
        {product_gmv_amount}::bigint,
        {marketplace_product_id}::text COLLATE "C",
        {marketplace_variant_id}::text COLLATE "C",
        {marketplace_product_barcode}::text COLLATE "C",
        {order_shipping_fee_buyer_amount}::text COLLATE "C",
        {orders_address_shipping_name}::text COLLATE "C"
    ), 0), 0)) AS fingerprint
FROM {lines} AS l
LEFT JOIN {orders} AS o ON {orders_marketplace} = {marketplace} AND {orders_order_id} = {order_id}
WHERE {created} >= {first} AND {created} < {after}
  AND {created_local}::date = ANY(%(days)s)
GROUP BY {created_local}::date
