-- Each column of a table, its type, and whether we may read it.
SELECT
    a.attname,
    format_type(a.atttypid, NULL),
    has_schema_privilege(n.oid, 'USAGE')
        AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped
