-- The recipients of some orders, or of all, as the mart holds them, each with its hash.
COPY (
    SELECT
        {orders_marketplace},
        {orders_order_id},
        {orders_address_shipping_name},
        {name_hash}
    FROM {orders} AS o
    WHERE {orders_address_shipping_name} IS NOT NULL
      AND {its_own}
      AND {wanted}
) TO STDOUT (FORMAT csv, NULL '\N')
