-- What the lake's lines are to the other peers: lines that can be read and attributed, with their
-- order's recipient; flags and fees as values.
CREATE TABLE lines AS
WITH flags AS MATERIALIZED (
    SELECT
        flag,
        CASE
            WHEN LOWER(flag) IN ('true', 't', 'yes', 'y', '1') THEN TRUE
            WHEN LOWER(flag) IN ('false', 'f', 'no', 'n', '0', '') THEN FALSE
            WHEN flag ~ '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d(:?\d\d)?))?)?$'
                THEN TRUE
        END AS meaning
    FROM (
        SELECT cancelled_flag AS flag FROM flatten_order_marketplace
        UNION
        SELECT returned_flag FROM flatten_order_marketplace
    ) AS found
),
names AS (
    SELECT marketplace, order_id, MAX(address_shipping_name COLLATE "C") AS address_shipping_name
    FROM order_marketplace
    GROUP BY marketplace, order_id
)
SELECT
    l.marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate, create_timestamp,
    l.order_id, product_gmv_amount, marketplace_product_id, marketplace_variant_id,
    marketplace_product_barcode,
    address_shipping_name,
    CAST(DATE_TRUNC('month', create_timestamp) AS DATE) AS month_of_order,
    COALESCE(c.meaning, FALSE) AS is_cancelled,
    COALESCE(r.meaning, FALSE) AS is_returned,
    NOT COALESCE(c.meaning, FALSE) AND NOT COALESCE(r.meaning, FALSE) AS is_valid,
    CASE WHEN TRIM(order_shipping_fee_buyer_amount) ~ '^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$'
        THEN CAST(order_shipping_fee_buyer_amount AS NUMERIC(18, 2)) END AS shipping_amount
FROM flatten_order_marketplace AS l
LEFT JOIN names AS n ON n.marketplace = l.marketplace AND n.order_id = l.order_id
LEFT JOIN flags AS c ON c.flag = l.cancelled_flag
LEFT JOIN flags AS r ON r.flag = l.returned_flag
WHERE user_id <> ''
    AND (l.cancelled_flag IS NULL OR c.meaning IS NOT NULL)
    AND (l.returned_flag IS NULL OR r.meaning IS NOT NULL);
ANALYZE lines;
