-- Likewise where the mart's own bytes are others, and sort in another order.
CONVERT_FROM(
    DECODE(MAX(ENCODE(CONVERT_TO({orders_address_shipping_name}, 'UTF8'), 'hex') COLLATE "C"), 'hex'),
    'UTF8'
)
