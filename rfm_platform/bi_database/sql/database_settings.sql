-- What a database sets for its sessions, for all of them or for those of a role, and what a server sets
-- for them in every database. The value of a setting that an application made up may be a secret: a few
-- letters of its hash tell whether it is the same.
SELECT
    CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END AS role,
    s.setdatabase = 0 AS is_everywhere,
    c.name,
    CASE WHEN c.name LIKE '%.%' THEN left(md5(c.value), 8) ELSE c.value END AS value
FROM pg_db_role_setting AS s
JOIN pg_database AS d ON s.setdatabase IN (0, d.oid)
CROSS JOIN LATERAL (
    SELECT split_part(o, '=', 1) AS name, substr(o, strpos(o, '=') + 1) AS value
    FROM unnest(s.setconfig) AS o
) AS c
WHERE d.datname = current_database()
ORDER BY role NULLS FIRST, c.name, is_everywhere
