-- Sequences with each column that takes its numbers from them, by ownership or by default. A column
-- that only writes them into a text ('ORD-' || nextval) is named, but holds no number to compare.
SELECT
    c.oid::bigint AS oid,
    n.nspname AS schema,
    c.relname AS name,
    u.table_schema,
    u.table_name,
    u.column_name,
    COALESCE(u.holds_numbers, FALSE) AS holds_numbers,
    CASE WHEN has_sequence_privilege(c.oid, 'SELECT')
        THEN (SELECT p.increment < 0 FROM pg_sequence_parameters(c.oid) AS p)
    END AS is_descending,
    has_sequence_privilege(c.oid, 'SELECT')
        AND bool_and(COALESCE(u.is_readable, TRUE)) OVER (PARTITION BY c.oid) AS is_readable
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT tn.nspname AS table_schema, t.relname AS table_name, a.attname AS column_name, a.attnum,
        has_table_privilege(t.oid, 'SELECT') AS is_readable,
        t.relkind IN ('r', 'p')
            AND COALESCE(NULLIF(y.typbasetype, 0), y.oid)::regtype::text
                IN ('smallint', 'integer', 'bigint', 'numeric') AS holds_numbers
    FROM (
        SELECT d.refobjid AS relation, d.refobjsubid AS attnum
        FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        UNION
        SELECT f.adrelid, f.adnum
        FROM pg_depend AS d
        JOIN pg_attrdef AS f ON f.oid = d.objid
        WHERE d.classid = 'pg_attrdef'::regclass
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    ) AS used
    JOIN pg_class AS t ON t.oid = used.relation
    JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = used.attnum
    JOIN pg_type AS y ON y.oid = a.atttypid
) AS u ON TRUE
WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid, u.holds_numbers DESC, u.table_schema, u.table_name, u.attnum
