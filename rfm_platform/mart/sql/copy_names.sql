-- The recipients of the orders that have a line on some days, as the mart holds them,
-- each with its hash.
COPY (
    SELECT
        {orders_marketplace},
        {orders_order_id},
        {orders_address_shipping_name},
        {name_hash}
    FROM {orders} AS o
    WHERE {orders_address_shipping_name} IS NOT NULL
      AND EXISTS (
        SELECT FROM {lines} AS l
        WHERE {created} >= {first} AND {created} < {after}
          AND {created_local}::date = ANY(%(days)s)
          AND {marketplace} = {orders_marketplace} AND {order_id} = {orders_order_id}
      )
) TO STDOUT (FORMAT csv, NULL '\N')
