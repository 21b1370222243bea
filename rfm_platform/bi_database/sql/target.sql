-- Through JSON: releases differ in which of the columns there are.
SELECT
    current_database() AS name,
    'PostgreSQL ' || current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_number,
    current_user AS role,
    pg_get_userbyid(d.datdba) AS owner,
    pg_encoding_to_char(d.encoding) AS encoding,
    d.datcollate AS collation,
    d.datctype AS character_type,
    concat_ws(
        ' ',
        CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'ICU' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
        COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
        to_jsonb(d) ->> 'daticurules'
    ) AS locale,
    has_database_privilege(d.oid, 'CREATE') AND has_schema_privilege('public', 'CREATE')
        AND pg_has_role(d.datdba, 'USAGE') AS may_create,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
    (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls,
    (SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS cipher,
    a.sessions AS other_sessions,
    a.applications AS other_applications
FROM pg_database AS d
CROSS JOIN (
    SELECT COUNT(*) AS sessions,
        string_agg(DISTINCT COALESCE(NULLIF(application_name, ''), 'unnamed'), ', ') AS applications
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND COALESCE(to_jsonb(pg_stat_activity) ->> 'backend_type', 'client backend')
        = 'client backend'
) AS a
WHERE d.datname = current_database()
