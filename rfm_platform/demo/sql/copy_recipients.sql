COPY public.order_marketplace (
    marketplace,
    order_id,
    address_shipping_name
) FROM STDIN (FORMAT csv, NULL '\N', FREEZE);
