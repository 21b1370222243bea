-- A list of targeted customers.
SELECT CAST(marketplace AS VARCHAR) AS marketplace, CAST(user_id AS VARCHAR) AS user_id
FROM read_parquet($file, hive_partitioning = false)
