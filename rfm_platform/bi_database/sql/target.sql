SELECT
    current_database() AS name,
    'PostgreSQL ' || current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_number,
    current_user AS role,
    pg_get_userbyid(d.datdba) AS owner,
    has_database_privilege(d.oid, 'CREATE') AND has_schema_privilege('public', 'CREATE')
        AND pg_has_role(d.datdba, 'USAGE') AS may_create,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
    (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls,
    (SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS cipher
FROM pg_database AS d
WHERE d.datname = current_database()
