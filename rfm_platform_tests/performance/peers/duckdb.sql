-- Lines that can be read and attributed.
CREATE VIEW lines AS
SELECT
    *,
    CAST(DATE_TRUNC('month', create_timestamp) AS DATE) AS month_of_order,
    NOT is_cancelled AND NOT is_returned AS is_valid
FROM READ_PARQUET(GETVARIABLE('source'))
WHERE user_id <> '' AND is_cancelled IS NOT NULL AND is_returned IS NOT NULL;

CREATE TEMP TABLE orders AS
SELECT
    marketplace, shop_id, shop_name, user_id, magpie_region_code, month_of_order, order_id,
    BOOL_OR(is_valid) AS is_valid,
    BOOL_OR(is_cancelled) AS is_cancelled,
    BOOL_OR(is_returned) AS is_returned,
    MIN(create_timestamp) FILTER (is_valid) AS first_timestamp,
    MAX(create_timestamp) FILTER (is_valid) AS last_timestamp,
    SUM(product_gmv_amount) FILTER (is_valid) AS gmv,
    SUM(product_gmv_amount * kurs_rate) FILTER (is_valid) AS gmv_base,
    COUNT(marketplace_product_barcode) FILTER (is_valid) AS quantity,
    MAX(shipping_amount) FILTER (is_valid) AS shipping_amount,
    ANY_VALUE(address_shipping_name) AS address_shipping_name,
    MAX(create_timestamp) AS latest_timestamp,
    ARG_MAX(kurs_rate, create_timestamp) AS kurs_rate
FROM lines
GROUP BY ALL;

CREATE TEMP TABLE skus AS
SELECT DISTINCT
    marketplace, shop_id, shop_name, user_id, magpie_region_code, month_of_order,
    COALESCE(marketplace_product_id, '') || '/' || COALESCE(marketplace_variant_id, '') AS sku
FROM lines
WHERE is_valid AND (marketplace_product_id IS NOT NULL OR marketplace_variant_id IS NOT NULL);

CREATE VIEW aggregated_monthly AS
WITH totals AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code, month_of_order,
        ARG_MAX(kurs_rate, ROW(latest_timestamp, kurs_rate)) AS kurs_rate,
        MIN(first_timestamp) AS first_order_timestamp,
        MAX(last_timestamp) AS last_order_timestamp,
        COUNT(*) FILTER (is_valid) AS total_order,
        COUNT(*) FILTER (is_cancelled) AS total_cancelled,
        COUNT(*) FILTER (is_returned) AS total_returned,
        COALESCE(SUM(gmv), 0) AS total_gmv_amount,
        COALESCE(SUM(gmv_base), 0) AS total_gmv_base_amount,
        SUM(quantity) AS total_quantity,
        ARG_MAX_NULL(address_shipping_name, ROW(last_timestamp, order_id)) FILTER (is_valid)
            AS address_shipping_name,
        MIN(shipping_amount) AS min_shipping_amount,
        MAX(shipping_amount) AS max_shipping_amount,
        CAST(ROUND(AVG(shipping_amount)) AS BIGINT) AS avg_shipping_amount
    FROM orders
    GROUP BY ALL
),
sku_lists AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code, month_of_order,
        LIST(sku ORDER BY sku) AS sku_list
    FROM skus
    GROUP BY ALL
)
SELECT t.*, COALESCE(s.sku_list, []) AS sku_list, COALESCE(LEN(s.sku_list), 0) AS total_sku
FROM totals AS t
LEFT JOIN sku_lists AS s
    ON s.marketplace IS NOT DISTINCT FROM t.marketplace
    AND s.shop_id IS NOT DISTINCT FROM t.shop_id
    AND s.shop_name IS NOT DISTINCT FROM t.shop_name
    AND s.user_id IS NOT DISTINCT FROM t.user_id
    AND s.magpie_region_code IS NOT DISTINCT FROM t.magpie_region_code
    AND s.month_of_order IS NOT DISTINCT FROM t.month_of_order;

CREATE VIEW final_user_analysis AS
WITH totals AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        ARG_MAX(kurs_rate, ROW(latest_timestamp, kurs_rate)) AS kurs_rate,
        MIN(first_timestamp) AS first_order_timestamp,
        MAX(last_timestamp) AS last_order_timestamp,
        COUNT(*) FILTER (is_valid) AS total_order,
        COUNT(*) FILTER (is_cancelled) AS total_cancelled,
        COUNT(*) FILTER (is_returned) AS total_returned,
        COALESCE(SUM(gmv), 0) AS total_gmv_amount,
        COALESCE(SUM(gmv_base), 0) AS total_gmv_base_amount,
        SUM(quantity) AS total_quantity,
        ARG_MAX_NULL(address_shipping_name, ROW(last_timestamp, order_id)) FILTER (is_valid)
            AS address_shipping_name,
        MIN(shipping_amount) AS min_shipping_amount,
        MAX(shipping_amount) AS max_shipping_amount,
        CAST(ROUND(AVG(shipping_amount)) AS BIGINT) AS avg_shipping_amount
    FROM orders
    GROUP BY ALL
),
sku_lists AS (
    SELECT
        marketplace, shop_id, shop_name, user_id, magpie_region_code,
        LIST_SORT(LIST_DISTINCT(LIST(sku))) AS sku_list
    FROM skus
    GROUP BY ALL
)
SELECT t.*, COALESCE(s.sku_list, []) AS sku_list, COALESCE(LEN(s.sku_list), 0) AS total_sku
FROM totals AS t
LEFT JOIN sku_lists AS s
    ON s.marketplace IS NOT DISTINCT FROM t.marketplace
    AND s.shop_id IS NOT DISTINCT FROM t.shop_id
    AND s.shop_name IS NOT DISTINCT FROM t.shop_name
    AND s.user_id IS NOT DISTINCT FROM t.user_id
    AND s.magpie_region_code IS NOT DISTINCT FROM t.magpie_region_code;

CREATE VIEW rfm_scores AS
WITH customers AS (
    SELECT
        marketplace,
        user_id,
        DATE_DIFF('day', CAST(MAX(last_timestamp) AS DATE), GETVARIABLE('as_of')) AS recency,
        COUNT(DISTINCT order_id) AS frequency,
        SUM(gmv_base) AS monetary
    FROM orders
    WHERE is_valid
    GROUP BY marketplace, user_id
),
quartiles AS (
    SELECT
        QUANTILE_CONT(CAST(recency AS DOUBLE), [0.25, 0.75]) AS r,
        QUANTILE_CONT(CAST(frequency AS DOUBLE), [0.25, 0.75]) AS f,
        QUANTILE_CONT(CAST(monetary AS DOUBLE), [0.25, 0.75]) AS m
    FROM customers
),
scored AS (
    SELECT
        c.*,
        CASE WHEN recency <= r[1] THEN 3 WHEN recency <= r[2] THEN 2 ELSE 1 END AS r_score,
        CASE WHEN frequency <= f[1] THEN 1 WHEN frequency <= f[2] THEN 2 ELSE 3 END AS f_score,
        CASE WHEN monetary <= m[1] THEN 1 WHEN monetary <= m[2] THEN 2 ELSE 3 END AS m_score,
        recency NOT BETWEEN r[1] - 1.5 * (r[2] - r[1]) AND r[2] + 1.5 * (r[2] - r[1])
        OR frequency NOT BETWEEN f[1] - 1.5 * (f[2] - f[1]) AND f[2] + 1.5 * (f[2] - f[1])
        OR monetary NOT BETWEEN m[1] - 1.5 * (m[2] - m[1]) AND m[2] + 1.5 * (m[2] - m[1])
            AS is_outlier,
        ROW_NUMBER() OVER (ORDER BY monetary DESC, marketplace, user_id) AS place,
        COUNT(*) OVER () AS everyone
    FROM customers AS c, quartiles
)
SELECT
    marketplace, user_id, recency, r_score, frequency, f_score, monetary, m_score,
    r_score + f_score + m_score AS total_score,
    segment,
    CASE
        WHEN place <= CEIL(everyone * 0.01) THEN 'top'
        WHEN place <= CEIL(everyone * 0.05) THEN 'big'
        WHEN place <= CEIL(everyone * 0.20) THEN 'medium'
        ELSE 'small'
    END AS pyramid_tier,
    is_outlier
FROM scored
JOIN segments USING (r_score, f_score, m_score);

CREATE VIEW cohort_matrix AS
WITH activity AS (
    SELECT
        marketplace, user_id, month_of_order,
        MIN(month_of_order) OVER (PARTITION BY marketplace, user_id) AS cohort_month,
        COUNT(DISTINCT order_id) AS total_order,
        SUM(gmv_base) AS gmv_base
    FROM orders
    WHERE is_valid
    GROUP BY marketplace, user_id, month_of_order
),
cells AS (
    SELECT
        marketplace, cohort_month, month_of_order,
        COUNT(*) AS value,
        SUM(total_order) AS total_order,
        SUM(gmv_base) AS total_gmv_base_amount
    FROM activity
    GROUP BY ALL
),
grid AS (
    SELECT
        marketplace,
        cohort_month,
        value AS cohort_size,
        CAST(UNNEST(RANGE(cohort_month, GETVARIABLE('as_of') + 1, INTERVAL 1 MONTH)) AS DATE)
            AS month_of_order
    FROM cells
    WHERE month_of_order = cohort_month
)
SELECT
    marketplace,
    cohort_month,
    cohort_size,
    DATE_DIFF('month', cohort_month, month_of_order) AS months,
    COALESCE(value, 0) AS value,
    COALESCE(total_order, 0) AS total_order,
    COALESCE(total_gmv_base_amount, 0) AS total_gmv_base_amount,
    LAST_DAY(month_of_order) > GETVARIABLE('as_of') AS is_partial
FROM grid
LEFT JOIN cells USING (marketplace, cohort_month, month_of_order);
