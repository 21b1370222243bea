-- FREEZE: the tables are new in this transaction, so no later reader has to mark each row visible.
COPY public.flatten_order_marketplace (
    marketplace,
    shop_id,
    shop_name,
    user_id,
    magpie_region_code,
    kurs_rate,
    create_timestamp,
    cancelled_flag,
    returned_flag,
    order_id,
    product_gmv_amount,
    marketplace_product_id,
    marketplace_variant_id,
    marketplace_product_barcode,
    order_shipping_fee_buyer_amount
) FROM STDIN (FORMAT csv, NULL '\N', FREEZE);
