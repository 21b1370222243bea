-- What the customers of each marketplace bought on some days of the lake, per month, and what each
-- shop adds to it, without the way over orders and customers that aggregated_monthly takes.
WITH lines AS (
    SELECT
        CAST(DATE_TRUNC('month', day) AS DATE) AS month,
        *,
        ROW(shop_id, shop_name, user_id, magpie_region_code) AS customer_of_shop,
        NOT is_cancelled AND NOT is_returned AS is_valid
    FROM source_orders
    WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
),
shops AS (
    SELECT
        month, marketplace, shop_id,
        COUNT(DISTINCT customer_of_shop) AS rows,
        COUNT(DISTINCT ROW(customer_of_shop, order_id)) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(DISTINCT ROW(customer_of_shop, order_id)) FILTER (WHERE is_cancelled)
            AS cancelled_orders,
        COUNT(DISTINCT ROW(customer_of_shop, order_id)) FILTER (WHERE is_returned)
            AS returned_orders,
        COALESCE(SUM(product_gmv_amount) FILTER (WHERE is_valid), 0) AS gmv,
        COALESCE(SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate) FILTER (WHERE is_valid), 0)
            AS gmv_base,
        COUNT(marketplace_product_barcode) FILTER (WHERE is_valid) AS units,
        MIN(create_timestamp) FILTER (WHERE is_valid) AS first_timestamp,
        MAX(create_timestamp) FILTER (WHERE is_valid) AS last_timestamp
    FROM lines
    GROUP BY month, marketplace, shop_id
),
customers AS (
    SELECT month, marketplace, COUNT(DISTINCT user_id) FILTER (WHERE is_valid) AS customers
    FROM lines
    GROUP BY month, marketplace
)
SELECT
    s.month,
    s.marketplace,
    CAST(SUM(rows) AS BIGINT) AS rows,
    CAST(SUM(valid_orders) AS BIGINT) AS valid_orders,
    CAST(SUM(cancelled_orders) AS BIGINT) AS cancelled_orders,
    CAST(SUM(returned_orders) AS BIGINT) AS returned_orders,
    SUM(gmv) AS gmv,
    SUM(gmv_base) AS gmv_base,
    CAST(SUM(units) AS BIGINT) AS units,
    ANY_VALUE(customers) AS customers,
    MIN(first_timestamp) AS first_timestamp,
    MAX(last_timestamp) AS last_timestamp,
    LIST({
        'shop_id': shop_id,
        'valid_orders': valid_orders,
        'cancelled_orders': cancelled_orders,
        'returned_orders': returned_orders,
        'units': units,
        'gmv_base': gmv_base
    }) AS shops
FROM shops AS s
JOIN customers AS c
    ON c.month = s.month AND c.marketplace IS NOT DISTINCT FROM s.marketplace
GROUP BY s.month, s.marketplace
