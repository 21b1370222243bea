-- One that is not valid is not dumped, but for a partitioned table's whose parts are not all there.
SELECT
    i.indexrelid::regclass::text AS object,
    concat_ws(
        ', ',
        CASE WHEN i.indisvalid OR c.relkind = 'p' THEN '' ELSE 'not valid: ' END
            || pg_get_indexdef(i.indexrelid),
        CASE WHEN NOT i.indisvalid AND c.relkind = 'p' THEN 'incomplete' END,
        CASE WHEN i.indisclustered THEN 'clustered' END,
        CASE WHEN i.indisreplident THEN 'replica identity' END
    ) AS definition
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  )
