-- Everything that holds rows, with its size; materialized views and partitioned parents by name.
WITH RECURSIVE domains AS (
    SELECT oid, typbasetype AS base FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT d.oid, t.typbasetype FROM domains AS d JOIN pg_type AS t ON t.oid = d.base
    WHERE t.typtype = 'd'
)
SELECT
    n.nspname AS schema,
    c.relname AS name,
    c.relkind AS kind,
    c.relpersistence AS persistence,
    c.relispopulated AS is_populated,
    pg_total_relation_size(c.oid) AS bytes,
    NULLIF(c.reltuples, -1)::bigint AS estimated_rows,
    (
        SELECT array_agg(a.attname ORDER BY k.position)
        FROM pg_index AS i, unnest(i.indkey::int[]) WITH ORDINALITY AS k (attnum, position)
        JOIN pg_attribute AS a ON a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
    ) AS key,
    (
        SELECT array_agg(a.attname ORDER BY a.attnum)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS columns,
    (
        SELECT array_agg(format_type(COALESCE(b.base, a.atttypid), NULL) ORDER BY a.attnum)
        FROM pg_attribute AS a
        LEFT JOIN (
            SELECT d.oid, d.base FROM domains AS d JOIN pg_type AS t ON t.oid = d.base
            WHERE t.typtype <> 'd'
        ) AS b ON b.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS types,
    (
        SELECT array_agg(a.attname ORDER BY a.attnum)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND to_jsonb(a) ->> 'attgenerated' <> ''
    ) AS generated
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
ORDER BY bytes DESC, n.nspname, c.relname
