-- Each row of one state of a table, as a hash of its customer and one of what it says, without what
-- differs from state to state.
SELECT
    HASH(marketplace, shop_id, shop_name, user_id, magpie_region_code) AS customer_hash,
    HASH(
        first_order_timestamp, last_order_timestamp, total_order, total_cancelled, total_returned,
        total_gmv_amount, total_gmv_base_amount, sku_list, total_quantity, min_shipping_amount,
        max_shipping_amount, address_shipping_name, kurs_rate, shipping_total, shipping_orders
    ) AS content_hash
