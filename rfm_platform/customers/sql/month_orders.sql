-- A month's orders, each in the shop, customer and region it lies in: everything that counts orders
-- or takes each order's fee once reads this small result. Lines that nobody can read (unknown flag)
-- or attribute (no customer) stay out. All lines of an order carry the same recipient.
SELECT
    marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id,
    BOOL_OR(is_valid) AS is_valid,
    BOOL_OR(is_cancelled) AS is_cancelled,
    BOOL_OR(is_returned) AS is_returned,
    MIN(CASE WHEN is_valid THEN create_timestamp END) AS first_timestamp,
    MAX(CASE WHEN is_valid THEN create_timestamp END) AS last_timestamp,
    SUM(CASE WHEN is_valid THEN product_gmv_amount END) AS gmv,
    SUM(CASE WHEN is_valid THEN CAST(product_gmv_amount AS HUGEINT) * kurs_rate END) AS gmv_base,
    COUNT(CASE WHEN is_valid THEN marketplace_product_barcode END) AS quantity,
    MAX(CASE WHEN is_valid THEN shipping_amount END) AS shipping_amount,
    ANY_VALUE(address_shipping_name) AS address_shipping_name,
    -- The latest line's rate, the highest on a tie, as the largest of one sortable number.
    MAX(CAST(EPOCH_US(create_timestamp) AS DECIMAL(38, 0)) * 10000000000
        + COALESCE(kurs_rate, -2147483648) + 2147483648) AS latest_rate
FROM (
    SELECT *, NOT is_cancelled AND NOT is_returned AS is_valid
    FROM month_lines
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
)
GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id
