-- What happened to the lines of each day: added, removed, altered, and from which status to which.
-- A line has no number of its own. Lines that are there as before are set aside first; of what is
-- left, the lines of one order, SKU and barcode belong together.
WITH lines AS (
    SELECT
        *,
        CASE
            WHEN is_cancelled IS NULL OR is_returned IS NULL THEN 'unknown'
            WHEN is_cancelled THEN 'cancelled'
            WHEN is_returned THEN 'returned'
            ELSE 'valid'
        END AS status,
        HASH(marketplace, order_id, marketplace_product_id, marketplace_variant_id,
            marketplace_product_barcode) AS item,
        HASH(marketplace, shop_id, shop_name, user_id, magpie_region_code, kurs_rate,
            create_timestamp, cancelled_flag, returned_flag, order_id, product_gmv_amount,
            marketplace_product_id, marketplace_variant_id, marketplace_product_barcode,
            order_shipping_fee_buyer_amount, address_shipping_name) AS content
    FROM (
        SELECT *, TRUE AS is_new FROM days_now
        UNION ALL BY NAME
        SELECT *, FALSE AS is_new FROM days_before
    )
),
contents AS (
    SELECT
        day, item, content, ANY_VALUE(status) AS status,
        CAST(SUM(CASE WHEN is_new THEN 1 ELSE -1 END) AS BIGINT) AS surplus
    FROM lines
    GROUP BY day, item, content
    HAVING surplus <> 0
),
changed AS (
    SELECT
        day, item, status, surplus > 0 AS is_new,
        ROW_NUMBER() OVER (PARTITION BY day, item, surplus > 0 ORDER BY status, content) AS place
    FROM (SELECT *, UNNEST(RANGE(ABS(surplus))) FROM contents)
),
pairs AS (
    SELECT
        COALESCE(b.day, n.day) AS day,
        b.status AS before,
        n.status AS now
    FROM (SELECT * FROM changed WHERE NOT is_new) AS b
    FULL JOIN (SELECT * FROM changed WHERE is_new) AS n
        ON n.day = b.day AND n.item = b.item AND n.place = b.place
),
statuses AS (
    SELECT day, LIST({'before': before, 'now': now, 'lines': lines}) AS statuses
    FROM (
        SELECT day, before, now, COUNT(*) AS lines
        FROM pairs
        WHERE before <> now
        GROUP BY day, before, now
    )
    GROUP BY day
)
SELECT
    day,
    COUNT(*) FILTER (WHERE before IS NULL) AS added,
    COUNT(*) FILTER (WHERE now IS NULL) AS removed,
    COUNT(*) FILTER (WHERE before IS NOT NULL AND now IS NOT NULL) AS altered,
    ANY_VALUE(statuses) AS statuses
FROM pairs
LEFT JOIN statuses USING (day)
GROUP BY day
