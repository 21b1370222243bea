-- Customers whose lines differ between some days as an earlier snapshot knew them and as they are
-- now. Two customers with one hash would both be computed anew: more work, the same result.
SELECT customer_hash
FROM (
    SELECT
        HASH(marketplace, user_id) AS customer_hash,
        CAST(HASH(
            marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
            create_timestamp, is_cancelled, is_returned, order_id, product_gmv_amount,
            marketplace_product_id, marketplace_variant_id, marketplace_product_barcode,
            shipping_amount, address_shipping_name
        ) AS HUGEINT) AS line_hash,
        weight
    FROM (
        SELECT
            marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
            create_timestamp, is_cancelled, is_returned, order_id, product_gmv_amount,
            marketplace_product_id, marketplace_variant_id, marketplace_product_barcode,
            shipping_amount, address_shipping_name,
            1 AS weight
        FROM days_now
        UNION ALL
        SELECT
            marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
            create_timestamp, is_cancelled, is_returned, order_id, product_gmv_amount,
            marketplace_product_id, marketplace_variant_id, marketplace_product_barcode,
            shipping_amount, address_shipping_name,
            -1 AS weight
        FROM days_before
    )
    WHERE user_id <> ''
)
GROUP BY customer_hash
HAVING SUM(weight) <> 0 OR SUM(weight * line_hash) <> 0
