-- The orders of the blocks from $first_block to before $last_block. An order's number is its block
-- and its place in it; everything else about it is drawn from that number and the seed.
CREATE OR REPLACE TEMP TABLE orders AS
WITH blocks AS (
    SELECT
        * EXCLUDE (lines, blocks),
        UNNEST(RANGE(
            GREATEST(first_block, $first_block), LEAST(first_block + blocks, $last_block)
        )) AS block,
        lines
    FROM days
    WHERE first_block < $last_block AND first_block + blocks > $first_block
),
filled AS (
    SELECT
        * EXCLUDE (lines),
        -- Ten lines, but for a day's last block.
        LEAST(10, lines - 10 * (block - first_block)) AS block_lines,
        dice(hash(xor(hash($seed), hash(block))), 1) % (SELECT COUNT(*) FROM patterns) AS pattern
    FROM blocks
),
placed AS (
    SELECT * EXCLUDE (orders, pattern), UNNEST(orders) AS part
    FROM filled
    JOIN patterns USING (pattern)
),
numbered AS (
    SELECT
        * EXCLUDE (part),
        block * 6 + part.position AS order_number,
        LEAST(part.size, block_lines - part.first) AS size,
        dice(hash(xor(hash($seed), hash(block * 6 + part.position))), 0) AS bits
    FROM placed
    WHERE part.first < block_lines
),
-- A customer has the number of an order. This order's own, if the customer is new; otherwise the
-- number of an order some days before. Dropping its last bits, two more with each step of a
-- geometric draw, makes few numbers frequent and most of them rare, like Zipf's law: at any size.
gapped AS (
    SELECT
        *,
        share(dice(bits, 1)) < 0.3 AS is_new,
        day_number - CAST(FLOOR(10 * POWER(60, share(dice(bits, 2)))) AS BIGINT) % (day_number + 1)
            AS earlier_day,
        CAST(LEAST(24, FLOOR(LN(1 - share(dice(bits, 3))) / LN(0.5))) AS INTEGER) AS steps
    FROM numbered
),
bought AS (
    SELECT
        gapped.* EXCLUDE (is_new, earlier_day, steps),
        CASE
            WHEN is_new THEN order_number
            ELSE (
                (
                    earlier.first_block
                    + CAST(FLOOR(earlier.blocks * share(dice(bits, 4))) AS BIGINT)
                ) * 6 + CAST(dice(bits, 5) % 4 AS BIGINT)
            ) >> (2 * steps) << (2 * steps)
        END AS customer_number
    FROM gapped
    JOIN days AS earlier ON earlier.day_number = gapped.earlier_day
),
customers AS (
    SELECT *, dice(hash(xor(hash($seed), hash(customer_number))), 100) AS customer_bits
    FROM bought
),
housed AS (
    SELECT
        customers.*,
        CASE
            WHEN dice(bits, 6) % 4 = 0
                THEN homes.group_first + CAST(dice(bits, 7) % homes.group_size AS BIGINT)
            ELSE homes.shop_number
        END AS shop_number
    FROM customers
    JOIN homes ON homes.slot = CAST(customer_bits % 1000 AS BIGINT)
),
shopped AS (
    SELECT
        housed.*,
        shops.* EXCLUDE (shop_number, weight, group_first, group_size),
        CASE WHEN shops.region = 'MY' THEN housed.ringgit_rate ELSE 1 END AS kurs_rate,
        housed.midnight + 1000000 * (
            hours.hour * 3600 + CAST(dice(bits, 8) % 3600 AS BIGINT)
        ) AS created,
        dirt.kind AS dirt,
        dirt.text AS dirt_text
    FROM housed
    JOIN shops USING (shop_number)
    JOIN hours ON hours.slot = CAST(dice(bits, 9) % 100 AS BIGINT)
    LEFT JOIN dirt
        ON $dirty AND dirt.slot = housed.block % 250 AND housed.order_number % 6 = 0
)
SELECT
    order_number,
    customer_number,
    customer_bits,
    bits,
    size,
    marketplace,
    shop_number,
    shop_id,
    CASE WHEN dirt = 'shop_name' THEN dirt_text ELSE shop_name END AS shop_name,
    -- Unique within its marketplace, and often somebody else's number in another one.
    CASE
        WHEN dirt = 'user_id' THEN dirt_text
        ELSE CAST(
            1000000000 + (customer_number + marketplace_number) * 48271 % 4294967291 AS VARCHAR
        )
    END AS user_id,
    region,
    brand_number,
    kurs_rate,
    midnight,
    created,
    CASE
        -- The same for order numbers, but rarely.
        WHEN $dirty AND dice(hash(order_number + marketplace_number), 1) % 50 = 0
            THEN CAST(7000000000 + order_number + marketplace_number AS VARCHAR)
        WHEN marketplace_number = 0 THEN day_text[3:] || TO_BASE(60466176 + order_number, 36)
        WHEN marketplace_number = 1 THEN 'INV/' || day_text || '/MPL/' || order_number
        WHEN marketplace_number = 2 THEN CAST(576000000000000000 + order_number AS VARCHAR)
        WHEN marketplace_number = 3 THEN CAST(400000000000 + order_number AS VARCHAR)
        ELSE '12' || LPAD(CAST(order_number AS VARCHAR), 9, '0')
    END AS order_id,
    dice(bits, 10) % 1000 < 40 AS is_cancelled,
    dice(bits, 11) % 1000 < 20 AS is_returned,
    -- The one line that comes back where not all of them do.
    CASE
        WHEN size > 1 AND dice(bits, 12) % 10 < 4 THEN CAST(dice(bits, 13) AS UBIGINT) % size
    END AS returned_line,
    CASE
        WHEN dirt = 'fee' THEN dirt_text
        WHEN dice(bits, 14) % 20 = 0 THEN NULL
        WHEN region = 'MY'
            THEN CAST(CAST(3 + dice(bits, 15) % 600 / 100 AS DECIMAL(9, 2)) AS VARCHAR)
        WHEN dice(bits, 14) % 20 < 6 THEN '0'
        WHEN dice(bits, 14) % 20 = 6 THEN '  ' || 500 * (14 + dice(bits, 15) % 60) || ' '
        ELSE CAST(500 * (14 + dice(bits, 15) % 60) AS VARCHAR)
    END AS shipping_fee,
    dirt,
    dirt_text
FROM shopped
ORDER BY order_number;
