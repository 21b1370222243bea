-- What an earlier snapshot says of the customers whose lines are the same now.
SELECT * REPLACE (
    CAST($as_of AS DATE) AS as_of_date,
    CAST($loaded_at AS TIMESTAMP) AS load_timestamp,
    CAST($as_of AS TIMESTAMP) AS etl_batch_time,
    CAST($source_version AS BIGINT) AS source_version,
    $recipe AS recipe
)
FROM earlier
ANTI JOIN touched ON touched.customer_hash = HASH(marketplace, user_id)
