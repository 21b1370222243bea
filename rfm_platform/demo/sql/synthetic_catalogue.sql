-- What does not depend on the seed: marketplaces, shops, goods, spellings, dirt.

-- hash() of several values leaves them correlated; a single one mixes fully. So every property of
-- a thing is the hash of (the thing's own hash xor the property's number).
CREATE MACRO dice(thing, property) AS hash(xor(thing, CAST(property AS UBIGINT)));
-- Uniform in [0, 1): the 53 high bits.
CREATE MACRO share(bits) AS CAST(bits >> 11 AS DOUBLE) / 9007199254740992;

-- A group is a marketplace in a country: a customer lives in one and buys in any of its shops.
CREATE TABLE shops AS
SELECT
    shop_number,
    marketplace,
    CASE marketplace
        WHEN 'shopee' THEN 0
        WHEN 'tokopedia' THEN 1
        WHEN 'tiktok shop' THEN 2
        WHEN 'lazada' THEN 3
        ELSE 4
    END AS marketplace_number,
    region,
    CAST(700000 + 37 * shop_number AS VARCHAR) AS shop_id,
    shop_name,
    brand_number,
    weight,
    MIN(shop_number) OVER (PARTITION BY marketplace, region) AS group_first,
    COUNT(*) OVER (PARTITION BY marketplace, region) AS group_size
FROM (
    VALUES
        (0, 'shopee', 'ID', 'Kilau Senja Official Store', 0, 140),
        (1, 'shopee', 'ID', 'Rona d''Pagi, Official', 1, 90),
        (2, 'shopee', 'ID', 'Sagara Skin', 2, 60),
        (3, 'shopee', 'ID', 'Arunika Beauty', 3, 40),
        (4, 'shopee', 'MY', 'Kilau Senja Malaysia', 0, 40),
        (5, 'shopee', 'MY', 'Sagara Skin MY', 2, 20),
        (6, 'tokopedia', 'ID', 'Kilau Senja', 0, 90),
        (7, 'tokopedia', 'ID', 'Rona d''Pagi', 1, 60),
        (8, 'tokopedia', 'ID', 'Sagara Skin', 2, 40),
        (9, 'tokopedia', 'ID', 'Melur Lab', 4, 30),
        (10, 'tiktok shop', 'ID', 'kilau.senja', 0, 70),
        (11, 'tiktok shop', 'ID', 'arunika.id', 3, 60),
        (12, 'tiktok shop', 'ID', 'melurlab', 4, 40),
        (13, 'tiktok shop', 'MY', 'kilau.senja.my', 0, 20),
        (14, 'lazada', 'ID', 'Kilau Senja Flagship Store', 0, 60),
        (15, 'lazada', 'ID', 'Rona d''Pagi', 1, 30),
        (16, 'lazada', 'MY', 'Kilau Senja Flagship Store MY', 0, 25),
        (17, 'lazada', 'MY', 'Sagara Skin', 2, 15),
        (18, 'blibli', 'ID', 'Kilau Senja Official', 0, 40),
        (19, 'blibli', 'ID', 'Arunika', 3, 30)
) AS shop (shop_number, marketplace, region, shop_name, brand_number, weight);

-- 1,000 slots, a shop in as many as its weight: the shop in which a customer feels at home.
CREATE TABLE homes AS
SELECT
    ROW_NUMBER() OVER (ORDER BY shop_number) - 1 AS slot,
    group_first,
    group_size,
    shop_number
FROM (
    SELECT shop_number, group_first, group_size, UNNEST(RANGE(weight))
    FROM shops
);

-- 120 articles a brand in six variant slots each; an article with one variant has them all equal.
CREATE TABLE goods AS
WITH slots AS (
    SELECT
        brand.range AS brand_number,
        article.range AS article_number,
        slot.range AS slot,
        dice(hash(brand.range * 120 + article.range), 1) AS article
    FROM RANGE(5) AS brand, RANGE(120) AS article, RANGE(6) AS slot
),
variants AS (
    SELECT *, CAST(slot % (1 + article % 5) AS INTEGER) AS variant FROM slots
),
numbered AS (
    SELECT
        *,
        '899' || LPAD(CAST(brand_number * 10000 + article_number * 10 + variant AS VARCHAR), 9, '0')
            AS barcode
    FROM variants
)
SELECT
    (brand_number * 120 + article_number) * 6 + slot AS good_number,
    LPAD(CAST(article_number AS VARCHAR), 4, '0') AS article_text,
    CAST(variant AS VARCHAR) AS variant_id,
    -- EAN-13: the last digit makes Σ of the digits, weighted 1 3 1 3 …, a multiple of ten.
    barcode || CAST(
        (10 - LIST_SUM(LIST_TRANSFORM(
            RANGE(1, 13), lambda i: CAST(barcode[i] AS INTEGER) * (1 + 2 * ((i + 1) % 2))
        )) % 10) % 10 AS INTEGER
    ) AS barcode,
    -- 15,000 to 450,000 rupiah, most of them below 100,000.
    CAST(150 * POWER(30, share(dice(article, 2))) AS BIGINT) * 100 AS price_rupiah
FROM numbered
ORDER BY good_number;

-- 1,000 slots a region.
CREATE TABLE names AS
WITH given AS (
    SELECT 'ID' AS region, UNNEST([
        'Dewi', 'Putri', 'Siti', 'Ayu', 'Rina', 'Wulan', 'Indah', 'Ratna', 'Fitri', 'Lestari',
        'Nadya', 'Tia', 'Bunga', 'Citra', 'Melati', 'Kartika', 'Yuni', 'Sri', 'Intan', 'Maya',
        'Agus', 'Budi', 'Eko', 'Rizky', 'Dimas', 'Made', 'Wayan', 'Ketut', 'Joko', 'Bayu'
    ]) AS name
    UNION ALL
    SELECT 'MY', UNNEST([
        'Nur Aisyah', 'Siti Hajar', 'Farah', 'Nurul Huda', 'Aina', 'Mei Ling', 'Li Wen', 'Priya',
        'Kavitha', 'Hui Min', 'Syafiqah', 'Zara', 'Ahmad', 'Faiz', 'Jia Hao', 'Arjun'
    ])
),
family AS (
    SELECT 'ID' AS region, UNNEST([
        'Wulandari', 'Lestari', 'Puspita', 'Anggraini', 'Rahayu', 'Permata', 'Kusuma', 'Saraswati',
        'Handayani', 'Maharani', 'Safitri', 'Utami', 'Pratiwi', 'Siregar', 'Nasution',
        'Simanjuntak', 'Pratama', 'Santoso', 'Wijaya', 'Nugroho', 'Hidayat', 'Setiawan', 'Saputra',
        'Gunawan'
    ]) AS name
    UNION ALL
    SELECT 'MY', UNNEST([
        'binti Rahman', 'binti Ismail', 'binti Yusof', 'binti Osman', 'Tan', 'Lim', 'Wong', 'Lee',
        'a/p Subramaniam', 'a/p Nair', 'Abdullah', 'Hassan', 'Ng', 'Chong', 'Zainal', 'Karim'
    ])
),
whole AS (
    SELECT
        region,
        given.name || ' ' || family.name AS name,
        ROW_NUMBER() OVER (PARTITION BY region ORDER BY given.name, family.name) - 1 AS name_number,
        COUNT(*) OVER (PARTITION BY region) AS names
    FROM given JOIN family USING (region)
)
SELECT region, slot, name
FROM whole JOIN RANGE(1000) AS slots (slot) ON name_number = slot % names;

-- 100 slots: in which hour people order (nobody from three to four).
CREATE TABLE hours AS
SELECT ROW_NUMBER() OVER (ORDER BY hour) - 1 AS slot, hour
FROM (
    SELECT hour, UNNEST(RANGE(weight))
    FROM (
        VALUES
            (0, 3), (1, 1), (2, 1), (4, 1), (5, 1), (6, 2), (7, 3), (8, 4), (9, 5), (10, 6),
            (11, 6), (12, 7), (13, 6), (14, 5), (15, 5), (16, 5), (17, 4), (18, 5), (19, 7),
            (20, 8), (21, 7), (22, 5), (23, 3)
    ) AS profile (hour, weight)
);

-- Ten lines in orders of 1 to 6, 2.5 on average. Blocks of ten make every total exact by
-- construction: no running sum over the orders, so any block can be made without its predecessors.
CREATE TABLE patterns AS
SELECT
    ROW_NUMBER() OVER () - 1 AS pattern,
    LIST_TRANSFORM(sizes, lambda size, i: {
        'position': i - 1,
        'first': CAST(COALESCE(LIST_SUM(sizes[1:i - 1]), 0) AS INTEGER),
        'size': size
    }) AS orders
FROM (
    VALUES
        ([6, 4]), ([5, 5]), ([3, 4, 3]), ([4, 3, 3]), ([1, 6, 3]), ([2, 5, 3]), ([1, 6, 2, 1]),
        ([2, 1, 1, 6]), ([1, 2, 5, 2]), ([1, 1, 3, 5]), ([2, 4, 1, 3]), ([3, 1, 2, 4]),
        ([1, 4, 1, 4]), ([2, 3, 3, 2]), ([3, 1, 3, 3]), ([2, 2, 4, 2]), ([1, 1, 6, 1, 1]),
        ([1, 5, 1, 2, 1]), ([1, 3, 1, 4, 1]), ([2, 1, 3, 1, 3]), ([1, 3, 3, 2, 1]),
        ([2, 1, 2, 2, 1, 2])
) AS pattern (sizes);

-- One dirty order in each of these slots of every 250 blocks (2,500 lines): its first line carries
-- the flag, all its lines the user_id, fee or shop_name, its recipient the name.
CREATE TABLE dirt AS
SELECT slot, kind, text
FROM (
    VALUES
        (5, 'cancelled_flag', 'maybe'),
        (15, 'cancelled_flag', 'pending'),
        (25, 'returned_flag', 'maybe'),
        (35, 'returned_flag', 'pending'),
        (45, 'fee', 'free'),
        (55, 'fee', '1,000'),
        (65, 'user_id', NULL),
        (75, 'user_id', ''),
        (85, 'shop_name', NULL),
        (95, 'name', 'Dewi "Wulan" O''Neil'),
        (105, 'name', 'Siti' || CHR(10) || 'Blok C-4'),
        (115, 'name', 'Ayu' || CHR(13) || CHR(10) || 'Lt. 2'),
        (125, 'name', CHR(9) || 'Rina' || CHR(9) || 'Lestari'),
        (135, 'name', '\N'),
        (145, 'name', 'toko\baru\n'),
        (155, 'name', '\.'),
        (165, 'name', 'Sari, Putri; dkk.'),
        (175, 'name', '🌸 Melati 💄'),
        (185, 'name', '  Indah  '),
        (195, 'name', '"'),
        (205, 'name', ''),
        (215, 'name', NULL)
) AS dirt (slot, kind, text);
