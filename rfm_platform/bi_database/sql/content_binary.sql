-- Rows of a table, and the sum of their hashes. Hashed twice: a record's hash adds up its columns',
-- and two rows that exchanged a value would have the same sum. The second time in its binary form,
-- because a bigint's own hash keeps half of its bits.
SELECT
    COUNT(*) AS rows,
    COALESCE(
        SUM(hash_record_extended(ROW(int8send(hash_record_extended({row}, 0))), 1)), 0
    )::text AS content
FROM {table} AS r
