SELECT
    current_database() AS name,
    current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_number,
    pg_get_userbyid(d.datdba) AS owner,
    shobj_description(d.oid, 'pg_database') AS comment,
    ARRAY(
        SELECT c.oid::regclass::text
        FROM pg_class AS c
        JOIN pg_depend AS e
            ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
        WHERE c.relkind IN ('r', 'm') AND pg_relation_size(c.oid) > 0
        ORDER BY c.oid::regclass::text
    ) AS extension_tables,
    pg_database_size(d.oid) AS bytes,
    current_user AS connected_as,
    clock_timestamp()::timestamptz(0)::text AS read_at,
    (SELECT COUNT(*) FROM pg_largeobject_metadata) AS large_objects
FROM pg_database AS d
WHERE d.datname = current_database()
