-- One of several readers' lines: all of an order's fall to the same one.
(HASHTEXT(COALESCE({order_id}::text, '') COLLATE "C") & 2147483647) %% {readers} = {number}
