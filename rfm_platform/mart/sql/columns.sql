-- Each column of a table, its type, and whether we may read it; of the table, whether a policy hides
-- rows from us, and of the mart, whether any table lies on another server: views and partitioned tables
-- read those without a right of ours. A text that a collation takes for equal to another one ("a" and "A") is of a type of its own: groups and
-- joins would mix the two.
SELECT
    a.attname,
    CONCAT(
        format_type(a.atttypid, NULL),
        CASE WHEN NOT k.collisdeterministic THEN
            FORMAT(' of the nondeterministic collation %%I', k.collname)
        END
    ),
    has_schema_privilege(n.oid, 'USAGE')
        AND has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
    row_security_active(a.attrelid),
    EXISTS (SELECT FROM pg_foreign_table)
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_collation AS k ON k.oid = a.attcollation
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped
