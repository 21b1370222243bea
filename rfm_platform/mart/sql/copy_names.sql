-- The recipients of the orders that have a line in a range of days. One row per order: where the
-- mart holds several, the highest name, so that no line is doubled.
COPY (
    SELECT {orders_marketplace}, {orders_order_id}, MAX({orders_address_shipping_name} COLLATE "C")
    FROM {orders} AS o
    WHERE {orders_address_shipping_name} IS NOT NULL
      AND EXISTS (
        SELECT FROM {lines} AS l
        WHERE {created} >= {first} AND {created} < {after}
          AND {marketplace} = {orders_marketplace} AND {order_id} = {orders_order_id}
      )
    GROUP BY 1, 2
) TO STDOUT (FORMAT csv, NULL '\N')
