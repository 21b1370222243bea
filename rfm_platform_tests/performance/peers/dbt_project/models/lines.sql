{{ config(materialized='view') }}

SELECT
    *,
    CAST(DATE_TRUNC('month', create_timestamp) AS DATE) AS month_of_order,
    NOT is_cancelled AND NOT is_returned AS is_valid
FROM READ_PARQUET('{{ var("source") }}')
WHERE user_id <> '' AND is_cancelled IS NOT NULL AND is_returned IS NOT NULL
