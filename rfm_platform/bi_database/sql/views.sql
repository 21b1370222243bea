SELECT
    c.oid::regclass::text AS object,
    CASE
        WHEN c.relkind = 'v' THEN 'view: '
        WHEN c.relispopulated THEN 'materialized view: '
        ELSE 'materialized view, NOT POPULATED: '
    END || pg_get_viewdef(c.oid) AS definition
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  )
