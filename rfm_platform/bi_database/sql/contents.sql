-- What a database holds beside what every database has.
SELECT
    (SELECT COUNT(*) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'f')
        AND relnamespace <> ALL (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_')) AS tables,
    (SELECT COUNT(*) FROM pg_class WHERE oid >= 16384 AND relkind IN ('v', 'm')) AS views,
    (SELECT COUNT(*) FROM pg_class WHERE oid >= 16384 AND relkind = 'S') AS sequences,
    (SELECT COUNT(*) FROM pg_proc WHERE oid >= 16384) AS functions,
    (SELECT COUNT(*) FROM pg_type WHERE oid >= 16384 AND typtype IN ('e', 'd', 'r')) AS types,
    (SELECT COUNT(*) FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_') AS schemas,
    (SELECT COUNT(*) FROM pg_extension WHERE extname <> 'plpgsql') AS extensions,
    (SELECT COUNT(*) FROM pg_event_trigger) AS event_triggers,
    (SELECT COUNT(*) FROM pg_largeobject_metadata) AS large_objects
