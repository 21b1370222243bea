-- The statements that remove whatever a database holds, in an order in which each still finds its
-- object: IF EXISTS, because a schema or an extension takes others along.
SELECT statement
FROM (
    SELECT 1 AS step, format('DROP EVENT TRIGGER IF EXISTS %I', evtname) AS statement
    FROM pg_event_trigger
    UNION ALL
    SELECT 2, format('DROP EXTENSION IF EXISTS %I CASCADE', extname)
    FROM pg_extension WHERE extname <> 'plpgsql'
    UNION ALL
    SELECT 3, format('DROP SCHEMA IF EXISTS %I CASCADE', nspname)
    FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
    UNION ALL
    SELECT 4, format(
        'DROP %s IF EXISTS %I.%I CASCADE',
        CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
        n.nspname, c.relname
    )
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e')
      )
    UNION ALL
    SELECT 5, format(
        'DROP %s IF EXISTS %s CASCADE',
        CASE COALESCE(to_jsonb(p) ->> 'prokind', 'f') WHEN 'a' THEN 'AGGREGATE'
            WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
        p.oid::regprocedure
    )
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public'
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('i', 'e')
      )
    UNION ALL
    SELECT 6, format('DROP TYPE IF EXISTS %I.%I CASCADE', n.nspname, t.typname)
    FROM pg_type AS t
    JOIN pg_namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    WHERE n.nspname = 'public'
      AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('i', 'e')
      )
    UNION ALL
    SELECT 7, format('SELECT lo_unlink(%s)', oid) FROM pg_largeobject_metadata
) AS removals
ORDER BY step
