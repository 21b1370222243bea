-- Who else is connected. Earlier releases do not say of a session what it is for.
SELECT COUNT(*) AS sessions,
    string_agg(DISTINCT COALESCE(NULLIF(application_name, ''), 'unnamed'), ', ') AS applications
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND COALESCE(to_jsonb(pg_stat_activity) ->> 'backend_type', 'client backend') = 'client backend'
