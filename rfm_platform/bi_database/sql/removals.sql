-- The statements that remove whatever a database holds, in an order in which each still finds its
-- object: IF EXISTS, because a schema or an extension takes others along. Some extensions stay, with
-- their schemas, of which the other objects go one by one.
WITH staying AS (
    SELECT n.oid, n.nspname FROM pg_namespace AS n
    WHERE n.nspname = 'public' OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND n.oid IN (SELECT extnamespace FROM pg_extension WHERE extname = ANY ({kept}))
)
SELECT statement
FROM (
    SELECT 1 AS step, format('DROP EVENT TRIGGER IF EXISTS %I', evtname) AS statement
    FROM pg_event_trigger AS t
    WHERE NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = t.tableoid AND d.objid = t.oid AND d.deptype = 'e'
      )
    UNION ALL
    SELECT 2, format('DROP EXTENSION IF EXISTS %I CASCADE', extname)
    FROM pg_extension WHERE extname <> 'plpgsql' AND extname <> ALL ({kept})
    UNION ALL
    SELECT 3, format('DROP SCHEMA IF EXISTS %I CASCADE', nspname)
    FROM pg_namespace AS n
    WHERE n.oid >= 16384 AND n.nspname !~ '^pg_' AND n.oid NOT IN (SELECT oid FROM staying)
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = n.tableoid AND d.objid = n.oid AND d.deptype = 'e'
      )
    UNION ALL
    -- Rarer kinds. A server goes with its wrapper's extension, unless that stays.
    SELECT 4, format('DROP %s IF EXISTS %s CASCADE', upper(i.type), i.identity)
    FROM (
        SELECT tableoid, oid FROM pg_foreign_server UNION ALL
        SELECT tableoid, oid FROM pg_cast UNION ALL
        SELECT tableoid, oid FROM pg_opclass UNION ALL
        SELECT tableoid, oid FROM pg_opfamily UNION ALL
        SELECT tableoid, oid FROM pg_operator UNION ALL
        SELECT tableoid, oid FROM pg_ts_config UNION ALL
        SELECT tableoid, oid FROM pg_ts_dict UNION ALL
        SELECT tableoid, oid FROM pg_conversion UNION ALL
        SELECT tableoid, oid FROM pg_collation
    ) AS o
    CROSS JOIN LATERAL pg_identify_object(o.tableoid, o.oid, 0) AS i
    WHERE o.oid >= 16384
      AND (i.schema IS NULL OR i.schema IN (SELECT quote_ident(nspname) FROM staying))
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype IN ('i', 'e')
      )
    UNION ALL
    SELECT 5, format(
        'DROP %s IF EXISTS %I.%I CASCADE',
        CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
        n.nspname, c.relname
    )
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.oid IN (SELECT oid FROM staying) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e')
      )
    UNION ALL
    SELECT 6, format(
        'DROP %s IF EXISTS %s CASCADE',
        CASE COALESCE(to_jsonb(p) ->> 'prokind', 'f') WHEN 'a' THEN 'AGGREGATE'
            WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
        p.oid::regprocedure
    )
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.oid IN (SELECT oid FROM staying)
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('i', 'e')
      )
    UNION ALL
    SELECT 7, format('DROP TYPE IF EXISTS %I.%I CASCADE', n.nspname, t.typname)
    FROM pg_type AS t
    JOIN pg_namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    WHERE n.oid IN (SELECT oid FROM staying)
      AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('i', 'e')
      )
    UNION ALL
    SELECT 8, format('SELECT lo_unlink(%s)', oid) FROM pg_largeobject_metadata
) AS removals
ORDER BY step
