-- A list of targeted customers, every value as its text. What quotes was told, because it is guessed
-- from the first rows only, and that nothing is a comment: customers' numbers may begin with #, or
-- contain it. Quoted, nothing is an empty text, as it is written. The apostrophe that
-- audience_for_spreadsheets.sql has put before a text is taken away.
SELECT
    REGEXP_REPLACE(marketplace, '^''(''*[-=+@\t\r\n])', '\1') AS marketplace,
    REGEXP_REPLACE(user_id, '^''(''*[-=+@\t\r\n])', '\1') AS user_id
FROM read_csv(
    $file, all_varchar = true, header = true, quote = '"', escape = '"', comment = '',
    allow_quoted_nulls = false, hive_partitioning = false
)
