WITH activity AS (
    SELECT
        marketplace, user_id, month_of_order,
        MIN(month_of_order) OVER (PARTITION BY marketplace, user_id) AS cohort_month,
        COUNT(DISTINCT order_id) AS total_order,
        SUM(gmv_base) AS gmv_base
    FROM {{ ref('orders') }}
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
        CAST(UNNEST(
            RANGE(cohort_month, CAST('{{ var("as_of") }}' AS DATE) + 1, INTERVAL 1 MONTH)
        ) AS DATE) AS month_of_order
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
    LAST_DAY(month_of_order) > CAST('{{ var("as_of") }}' AS DATE) AS is_partial
FROM grid
LEFT JOIN cells USING (marketplace, cohort_month, month_of_order)
