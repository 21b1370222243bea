-- A list of targeted customers, every value as its text. What quotes was told, because it is guessed
-- from the first rows only; quoted, nothing is an empty text, as it is written.
SELECT marketplace, user_id
FROM read_csv(
    $file, all_varchar = true, header = true, quote = '"', escape = '"', allow_quoted_nulls = false
)
