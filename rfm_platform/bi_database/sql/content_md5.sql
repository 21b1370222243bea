-- Rows of a table, and sums of two parts of each row's MD5.
SELECT
    COUNT(*) AS rows,
    COALESCE(SUM(('x' || substr(hash, 1, 15))::bit(60)::bigint), 0) || '/'
        || COALESCE(SUM(('x' || substr(hash, 17, 15))::bit(60)::bigint), 0) AS content
FROM (SELECT md5({row}::text) AS hash FROM {table} AS r) AS hashes
