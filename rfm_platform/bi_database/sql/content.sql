-- Rows of a table, and a hash of all of them that does not depend on their order.
SELECT
    COUNT(*) AS rows,
    COALESCE(SUM(('x' || substr(hash, 1, 15))::bit(60)::bigint), 0) || '/'
        || COALESCE(SUM(('x' || substr(hash, 17, 15))::bit(60)::bigint), 0) AS content
FROM (SELECT md5({row}) AS hash FROM {table} AS r) AS hashes
