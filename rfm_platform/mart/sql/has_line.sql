-- Whether an order has a line on some days.
EXISTS (
    SELECT FROM {lines} AS l
    WHERE {created} >= {first} AND {created} < {after}
      AND {created_local}::date = ANY(%(days)s)
      AND {marketplace} = {orders_marketplace} AND {order_id} = {orders_order_id}
)
