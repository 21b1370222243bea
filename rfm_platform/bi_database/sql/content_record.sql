-- Rows of a table, and the sum of their hashes. Hashed twice: a record's hash adds up its columns',
-- and two rows that exchanged a value would have the same sum.
SELECT
    COUNT(*) AS rows,
    COALESCE(SUM(hashint8extended(hash_record_extended({row}, 0), 1)), 0)::text AS content
FROM {table} AS r
