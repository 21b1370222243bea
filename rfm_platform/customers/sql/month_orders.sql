-- A month's orders, each in the shop, customer and region it lies in: everything that counts orders
-- or takes each order's fee once reads this small result. Lines that nobody can read (unknown flag)
-- or attribute (no customer) stay out. All lines of an order carry the same recipient.
SELECT
    marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id,
    BOOL_OR(is_valid) AS is_valid,
    BOOL_OR(is_cancelled) AS is_cancelled,
    BOOL_OR(is_returned) AS is_returned,
    MIN(valid_timestamp) AS first_timestamp,
    MAX(valid_timestamp) AS last_timestamp,
    SUM(valid_gmv) AS gmv,
    SUM(valid_gmv * kurs_rate) AS gmv_base,
    COUNT(valid_barcode) AS quantity,
    MAX(valid_shipping_amount) AS shipping_amount,
    ANY_VALUE(address_shipping_name) AS address_shipping_name,
    -- The latest line's rate, the highest on a tie, as the largest of one sortable number.
    MAX(CAST(EPOCH_US(create_timestamp) AS DECIMAL(38, 0)) * 10000000000
        + COALESCE(kurs_rate, -2147483648) + 2147483648) AS latest_rate
FROM (
    SELECT
        *,
        NOT is_cancelled AND NOT is_returned AS is_valid,
        CASE WHEN is_valid THEN create_timestamp END AS valid_timestamp,
        CASE WHEN is_valid THEN product_gmv_amount END AS valid_gmv,
        CASE WHEN is_valid THEN marketplace_product_barcode END AS valid_barcode,
        CASE WHEN is_valid THEN shipping_amount END AS valid_shipping_amount
    FROM month_lines
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
)
GROUP BY marketplace, shop_id, shop_name, user_id, magpie_region_code, order_id
