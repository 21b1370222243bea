-- An order's recipient: of several names the last one in the order of their UTF-8.
MAX({orders_address_shipping_name} COLLATE "C")
