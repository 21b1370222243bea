-- What a database holds beside what every database has, beside what extensions brought along, and
-- beside some extensions, with the schemas that were made for them. What a live session has of its
-- own (pg_temp_3) goes with it.
WITH member AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), namespace AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_'
)
SELECT
    (SELECT COUNT(*) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'f')
        AND relnamespace IN (SELECT oid FROM namespace)
        AND (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS tables,
    (SELECT COUNT(*) FROM pg_class WHERE oid >= 16384 AND relkind IN ('v', 'm')
        AND relnamespace IN (SELECT oid FROM namespace)
        AND (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS views,
    (SELECT COUNT(*) FROM pg_class WHERE oid >= 16384 AND relkind = 'S'
        AND relnamespace IN (SELECT oid FROM namespace)
        AND (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS sequences,
    (SELECT COUNT(*) FROM pg_proc WHERE oid >= 16384
        AND pronamespace IN (SELECT oid FROM namespace)
        AND (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS functions,
    (SELECT COUNT(*) FROM pg_type WHERE oid >= 16384
        AND (typtype IN ('e', 'd', 'r')
            OR typrelid IN (SELECT oid FROM pg_class WHERE relkind = 'c'))
        AND typnamespace IN (SELECT oid FROM namespace)
        AND (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS types,
    (SELECT COUNT(*) FROM pg_namespace
        WHERE oid >= 16384 AND nspname !~ '^pg_' AND nspname <> 'public'
        AND (tableoid, oid) NOT IN (SELECT classid, objid FROM member)
        AND oid NOT IN (SELECT extnamespace FROM pg_extension WHERE extname = ANY ({beside}))
    ) AS schemas,
    (SELECT COUNT(*) FROM pg_extension
        WHERE extname <> 'plpgsql' AND extname <> ALL ({beside})) AS extensions,
    (SELECT COUNT(*) FROM pg_event_trigger
        WHERE (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS event_triggers,
    (SELECT COUNT(*) FROM pg_foreign_server
        WHERE (tableoid, oid) NOT IN (SELECT classid, objid FROM member)) AS foreign_servers,
    (SELECT COUNT(*) FROM (
        SELECT tableoid, oid, oprnamespace AS namespace FROM pg_operator UNION ALL
        SELECT tableoid, oid, opcnamespace FROM pg_opclass UNION ALL
        SELECT tableoid, oid, opfnamespace FROM pg_opfamily UNION ALL
        SELECT tableoid, oid, cfgnamespace FROM pg_ts_config UNION ALL
        SELECT tableoid, oid, dictnamespace FROM pg_ts_dict UNION ALL
        SELECT tableoid, oid, connamespace FROM pg_conversion UNION ALL
        SELECT tableoid, oid, collnamespace FROM pg_collation UNION ALL
        SELECT tableoid, oid, NULL FROM pg_cast
    ) AS o
        WHERE o.oid >= 16384
        AND (o.namespace IS NULL OR o.namespace IN (SELECT oid FROM namespace))
        AND (o.tableoid, o.oid) NOT IN (SELECT classid, objid FROM member)) AS other_objects,
    (SELECT COUNT(*) FROM pg_largeobject_metadata) AS large_objects
