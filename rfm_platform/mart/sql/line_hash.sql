-- PostgreSQL's own hash of a line's columns, at a fraction of what a digest of text costs; it tells
-- NULL from ''. Hashed once more, because it adds up its columns: two lines that exchanged a value
-- would have the same sum.
HASHINT8EXTENDED(HASH_RECORD_EXTENDED(ROW(
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
    {order_shipping_fee_buyer_amount}::text COLLATE "C"
), 0), 0)
