-- Likewise of an order's recipient.
HASHINT8EXTENDED(HASH_RECORD_EXTENDED(ROW(
    {orders_marketplace}::text COLLATE "C",
    {orders_order_id}::text COLLATE "C",
    {orders_address_shipping_name}::text COLLATE "C"
), 0), 0)
