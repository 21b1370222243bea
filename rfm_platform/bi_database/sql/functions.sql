SELECT
    p.oid::regprocedure::text AS object,
    CASE
        WHEN COALESCE(to_jsonb(p) ->> 'prokind', '') = 'a' OR to_jsonb(p) ->> 'proisagg' = 'true'
            THEN 'aggregate'
        ELSE pg_get_functiondef(p.oid)
    END AS definition
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
  )
