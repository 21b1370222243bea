-- Who else than the owner may do what. Without what an extension brings along: the next CREATE
-- EXTENSION gives its rights; and without what a live session has of its own (pg_temp_3).
SELECT
    g.kind, g.object, g.privilege, g.is_grantable,
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END AS grantee
FROM (
    SELECT c.tableoid, c.oid, c.relnamespace AS namespace,
        CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
        c.oid::regclass::text AS object, c.relowner AS owner,
        a.grantee, a.privilege_type AS privilege, a.is_grantable
    FROM pg_class AS c, aclexplode(c.relacl) AS a
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT n.tableoid, n.oid, n.oid, 'SCHEMA', quote_ident(n.nspname), n.nspowner,
        a.grantee, a.privilege_type, a.is_grantable
    FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
    WHERE n.oid >= 16384 AND n.nspname <> 'public'
    UNION ALL
    SELECT p.tableoid, p.oid, p.pronamespace, 'FUNCTION', p.oid::regprocedure::text, p.proowner,
        a.grantee, a.privilege_type, a.is_grantable
    FROM pg_proc AS p, aclexplode(p.proacl) AS a
    WHERE p.oid >= 16384
) AS g
WHERE g.grantee <> g.owner
  AND g.namespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_')
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = g.tableoid AND e.objid = g.oid AND e.deptype = 'e'
  )
