-- Extensions that stay when a database is emptied: an administrator's, which we may not drop, and
-- those that the dump needs and that we might not create again.
SELECT e.extname AS name
FROM pg_extension AS e
WHERE e.extname <> 'plpgsql' AND (
    NOT pg_has_role(e.extowner, 'USAGE')
    OR e.extname = ANY ({needed})
        AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        AND NOT COALESCE((
            SELECT bool_or((to_jsonb(v) ->> 'trusted')::boolean OR NOT v.superuser)
            FROM pg_available_extension_versions AS v WHERE v.name = e.extname
        ), FALSE)
)
