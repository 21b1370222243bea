-- How tables are partitioned, and what each part holds. Servers before 10 know none.
SELECT
    c.oid::regclass::text AS object,
    concat_ws(
        ', ',
        CASE WHEN c.relkind = 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid) END,
        pg_get_expr(c.relpartbound, c.oid)
    ) AS definition
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE (c.relkind = 'p' OR c.relispartition AND c.relkind IN ('r', 'f'))
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  )
