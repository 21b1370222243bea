WITH local_lines AS (
    SELECT
        basket_id,
        household_id,
        CAST(transaction_timestamp AT TIME ZONE 'UTC' AT TIME ZONE $timezone AS DATE) AS day
    FROM read_parquet($transactions)
)
SELECT
    COUNT(*) AS lines,
    COUNT(DISTINCT basket_id) AS orders,
    COUNT(DISTINCT household_id) AS customers,
    MIN(day) AS first_day,
    MAX(day) AS last_day
FROM local_lines;
