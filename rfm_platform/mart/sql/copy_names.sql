-- The recipients of the orders that have a line in a range of days, as the mart holds them.
COPY (
    SELECT {orders_marketplace}, {orders_order_id}, {orders_address_shipping_name}
    FROM {orders} AS o
    WHERE {orders_address_shipping_name} IS NOT NULL
      AND EXISTS (
        SELECT FROM {lines} AS l
        WHERE {created} >= {first} AND {created} < {after}
          AND {marketplace} = {orders_marketplace} AND {order_id} = {orders_order_id}
      )
) TO STDOUT (FORMAT csv, NULL '\N')
