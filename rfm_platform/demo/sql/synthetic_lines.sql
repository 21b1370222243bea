-- The lines of those orders.
CREATE OR REPLACE TEMP TABLE lines AS
WITH numbered AS (
    SELECT *, UNNEST(RANGE(size)) AS line FROM orders
),
drawn AS (
    SELECT
        *,
        dice(bits, 1000 + line) AS line_bits,
        -- A few orders take some seconds to be written; never beyond their day.
        MAKE_TIMESTAMP(
            CASE
                WHEN dice(bits, 16) % 20 = 0
                    THEN LEAST(created + line * 1000000, midnight + 86399000000)
                ELSE created
            END
        ) AS create_timestamp,
        is_returned AND COALESCE(returned_line = line, true) AS is_line_returned
    FROM numbered
),
picked AS (
    SELECT
        drawn.*,
        -- POWER(n, uniform) is Zipf's law over 1 … n.
        (brand_number * 120 + CAST(FLOOR(POWER(120, share(dice(line_bits, 1)))) AS BIGINT) - 1) * 6
        + CAST(dice(line_bits, 2) % 6 AS BIGINT) AS good_number,
        dice(line_bits, 3) AS cancelled_bits,
        dice(line_bits, 4) AS returned_bits,
        -- Full price, or up to 30 % off.
        CAST(100 - 5 * (dice(line_bits, 5) % 7) AS BIGINT) AS percent
    FROM drawn
)
SELECT
    marketplace,
    shop_id,
    shop_name,
    user_id,
    region AS magpie_region_code,
    kurs_rate,
    create_timestamp,
    CASE
        WHEN dirt = 'cancelled_flag' AND line = 0 THEN dirt_text
        WHEN is_cancelled THEN COALESCE(
            (['true', 'true', 'TRUE', 'True', 't', 'T', 'yes', 'Yes', 'Y', 'y', '1', NULL])
            [1 + CAST(cancelled_bits % 12 AS INTEGER)],
            CAST(create_timestamp + INTERVAL 5 HOUR AS VARCHAR)
        )
        ELSE (
            ['false', 'false', 'false', 'false', 'FALSE', 'False', 'f', 'F', 'no', 'No', 'n', 'N',
            '0', '0', '', NULL]
        )[1 + CAST(cancelled_bits % 16 AS INTEGER)]
    END AS cancelled_flag,
    CASE
        WHEN dirt = 'returned_flag' AND line = 0 THEN dirt_text
        WHEN is_line_returned THEN COALESCE(
            (['true', 'true', 'TRUE', 'True', 't', 'T', 'yes', 'Yes', 'Y', 'y', '1', NULL])
            [1 + CAST(returned_bits % 12 AS INTEGER)],
            CAST(create_timestamp + INTERVAL 9 DAY AS VARCHAR)
        )
        ELSE (
            ['false', 'false', 'false', 'false', 'FALSE', 'False', 'f', 'F', 'no', 'No', 'n', 'N',
            '0', '0', '', NULL]
        )[1 + CAST(returned_bits % 16 AS INTEGER)]
    END AS returned_flag,
    order_id,
    CASE region
        WHEN 'MY' THEN GREATEST(1, price_rupiah * percent // 350000)
        ELSE price_rupiah * percent // 100
    END AS product_gmv_amount,
    shop_number || article_text AS marketplace_product_id,
    variant_id AS marketplace_variant_id,
    CASE WHEN dice(line_bits, 6) % 200 > 0 THEN barcode END AS marketplace_product_barcode,
    shipping_fee AS order_shipping_fee_buyer_amount
FROM picked
JOIN goods USING (good_number)
ORDER BY order_number, line;
