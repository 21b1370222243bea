-- What the customers of each marketplace bought on some days of the lake, per month, without the
-- way over orders and customers that aggregated_monthly takes.
WITH lines AS (
    SELECT
        CAST(DATE_TRUNC('month', day) AS DATE) AS month,
        *,
        ROW(shop_id, shop_name, user_id, magpie_region_code) AS customer_of_shop,
        NOT is_cancelled AND NOT is_returned AS is_valid
    FROM source_orders
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
)
SELECT
    month,
    marketplace,
    COUNT(DISTINCT customer_of_shop) AS rows,
    COUNT(DISTINCT ROW(customer_of_shop, order_id)) FILTER (WHERE is_valid) AS valid_orders,
    COUNT(DISTINCT ROW(customer_of_shop, order_id)) FILTER (WHERE is_cancelled)
        AS cancelled_orders,
    COUNT(DISTINCT ROW(customer_of_shop, order_id)) FILTER (WHERE is_returned) AS returned_orders,
    COALESCE(SUM(product_gmv_amount) FILTER (WHERE is_valid), 0) AS gmv,
    COALESCE(SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate) FILTER (WHERE is_valid), 0) AS gmv_base,
    COUNT(marketplace_product_barcode) FILTER (WHERE is_valid) AS units,
    COUNT(DISTINCT user_id) FILTER (WHERE is_valid) AS customers,
    MIN(create_timestamp) FILTER (WHERE is_valid) AS first_timestamp,
    MAX(create_timestamp) FILTER (WHERE is_valid) AS last_timestamp
FROM lines
GROUP BY month, marketplace
