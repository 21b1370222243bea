SELECT
    a.name,
    a.installed_version IS NOT NULL AS is_installed,
    COALESCE((
        SELECT bool_or((to_jsonb(v) ->> 'trusted')::boolean OR NOT v.superuser)
        FROM pg_available_extension_versions AS v WHERE v.name = a.name
    ), FALSE) AS is_trusted
FROM pg_available_extensions AS a
