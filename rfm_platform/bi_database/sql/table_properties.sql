-- What tables, views and foreign tables are beside their columns: who may see which rows, what stays
-- after a crash, from whom they inherit, with which options.
SELECT
    c.oid::regclass::text AS object,
    concat_ws(
        ', ',
        CASE c.relpersistence WHEN 'p' THEN 'logged' WHEN 'u' THEN 'UNLOGGED' ELSE 'temporary' END,
        CASE WHEN c.relrowsecurity THEN 'row security' END,
        CASE WHEN c.relforcerowsecurity THEN 'row security for the owner too' END,
        CASE WHEN c.relkind IN ('r', 'p', 'm') THEN 'replica identity ' || CASE c.relreplident
            WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END END,
        'of type ' || NULLIF(c.reloftype, 0)::regtype,
        (
            SELECT 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
            FROM pg_inherits AS i WHERE i.inhrelid = c.oid
        ),
        (SELECT 'with ' || string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) AS o),
        (
            SELECT 'TOAST with ' || string_agg(o, ', ' ORDER BY o)
            FROM pg_class AS t, unnest(t.reloptions) AS o WHERE t.oid = c.reltoastrelid
        )
    ) AS definition
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  )
