-- Not of what a live session has of its own (pg_temp_3), nor of the schema public, which every
-- database has: only one that was made anew looks like an object of somebody's.
SELECT i.type || ' ' || i.identity AS object, pg_get_userbyid(o.owner) AS definition
FROM (
    SELECT tableoid, oid, relowner AS owner FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') UNION ALL
    SELECT tableoid, oid, proowner FROM pg_proc UNION ALL
    SELECT t.tableoid, t.oid, t.typowner FROM pg_type AS t
    WHERE t.typtype IN ('e', 'd', 'r') UNION ALL
    SELECT tableoid, oid, nspowner FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'public'
) AS o
CROSS JOIN LATERAL pg_identify_object(o.tableoid, o.oid, 0) AS i
WHERE o.oid >= 16384 AND COALESCE(i.schema, '') !~ '^pg_' AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = o.tableoid AND e.objid = o.oid AND e.deptype = 'e'
)
