-- What kind of values a list of targeted customers has for their numbers.
DESCRIBE SELECT user_id FROM read_parquet($file, hive_partitioning = false)
