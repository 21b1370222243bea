-- What all rows of a state of a table share, and how many there are.
SELECT
    ANY_VALUE(load_timestamp) AS load_timestamp,
    ANY_VALUE(etl_batch_time) AS etl_batch_time,
    COUNT(*) AS rows
FROM state_now
