-- One of several readers' names: all of an order's fall to the same one.
(HASHTEXT(COALESCE({orders_order_id}::text, '') COLLATE "C") & 2147483647) %% {readers} = {number}
