DROP TABLE IF EXISTS public.flatten_order_marketplace;
DROP TABLE IF EXISTS public.order_marketplace;

CREATE TABLE public.flatten_order_marketplace (
    marketplace varchar,
    shop_id varchar,
    shop_name varchar,
    user_id varchar,
    magpie_region_code varchar,
    kurs_rate integer,
    create_timestamp timestamp,
    cancelled_flag varchar,
    returned_flag varchar,
    order_id varchar,
    product_gmv_amount bigint,
    marketplace_product_id varchar,
    marketplace_variant_id varchar,
    marketplace_product_barcode varchar,
    order_shipping_fee_buyer_amount varchar
);

CREATE TABLE public.order_marketplace (
    marketplace varchar,
    order_id varchar,
    address_shipping_name varchar
);

-- find_foreign_tables.sql knows our tables by this comment: one without it is never dropped.
COMMENT ON TABLE public.flatten_order_marketplace IS 'Demo data: every load drops it.';
COMMENT ON TABLE public.order_marketplace IS 'Demo data: every load drops it.';
