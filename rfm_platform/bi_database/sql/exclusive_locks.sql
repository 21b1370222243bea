-- Relations that another session has for itself, or waits to have.
SELECT l.relation::regclass::text AS relation, l.mode, l.granted, l.pid
FROM pg_locks AS l
JOIN pg_class AS c ON c.oid = l.relation
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND c.oid >= 16384
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.pid <> pg_backend_pid()
ORDER BY l.granted DESC, relation
LIMIT 3
