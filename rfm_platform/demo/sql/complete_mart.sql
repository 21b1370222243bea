CREATE INDEX flatten_order_marketplace_create_timestamp
    ON public.flatten_order_marketplace (create_timestamp);
CREATE INDEX order_marketplace_marketplace_order_id
    ON public.order_marketplace (marketplace, order_id);
ANALYZE public.flatten_order_marketplace;
ANALYZE public.order_marketplace;
