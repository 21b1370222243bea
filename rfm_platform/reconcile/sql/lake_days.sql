-- What the lake holds, per day and marketplace: the platform's side of reconciliation.
WITH totals AS (
    SELECT
        day,
        marketplace,
        COUNT(*) AS lines,
        COUNT(DISTINCT ROW(order_id)) AS orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_cancelled AND is_returned IS NOT NULL)
            AS cancelled_orders,
        COUNT(DISTINCT ROW(order_id)) FILTER (WHERE is_returned AND is_cancelled IS NOT NULL)
            AS returned_orders,
        COALESCE(SUM(product_gmv_amount) FILTER (WHERE is_valid), 0) AS gmv,
        COALESCE(SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate) FILTER (WHERE is_valid), 0) AS gmv_base,
        COUNT(marketplace_product_barcode) FILTER (WHERE is_valid) AS units,
        COUNT(DISTINCT user_id) FILTER (WHERE is_valid) AS customers,
        COUNT(*) FILTER (WHERE user_id IS NULL) AS lines_without_customer,
        COUNT(*) FILTER (WHERE is_cancelled IS NULL OR is_returned IS NULL)
            AS lines_with_unknown_flag,
        MIN(create_timestamp) AS first_timestamp,
        MAX(create_timestamp) AS last_timestamp,
        CAST(SUM(CAST('0x' || LEFT(digest, 15) AS BIGINT)) AS VARCHAR) AS fingerprint
    FROM digested_lines
    GROUP BY day, marketplace
),
names AS (
    SELECT
        day,
        marketplace,
        CAST(SUM(CAST('0x' || LEFT(MD5(CONCAT(
            COALESCE(LENGTH(order_id) || ':' || order_id, '-'), ';', address_shipping_name
        )), 15) AS BIGINT)) AS VARCHAR) AS names_fingerprint
    FROM (
        SELECT DISTINCT day, marketplace, order_id, address_shipping_name
        FROM digested_lines
        WHERE address_shipping_name IS NOT NULL
    )
    GROUP BY day, marketplace
)
SELECT totals.*, COALESCE(names.names_fingerprint, '0') AS names_fingerprint
FROM totals
LEFT JOIN names
    ON names.day = totals.day AND names.marketplace IS NOT DISTINCT FROM totals.marketplace
