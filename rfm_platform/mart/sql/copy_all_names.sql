-- Likewise of all orders: where most of them are wanted, looking for which costs more.
COPY (
    SELECT
        {orders_marketplace},
        {orders_order_id},
        {orders_address_shipping_name},
        {name_hash}
    FROM {orders} AS o
    WHERE {orders_address_shipping_name} IS NOT NULL
) TO STDOUT (FORMAT csv, NULL '\N')
