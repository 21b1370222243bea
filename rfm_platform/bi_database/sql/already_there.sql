-- Entries of an archive that an emptied target refuses, as pg_restore lists them: schemas that are
-- there for the sake of an extension, and comments on what is an administrator's.
SELECT format('SCHEMA - %s', nspname) AS entry
FROM pg_namespace
WHERE oid >= 16384 AND nspname !~ '^pg_' AND nspname <> 'public'
UNION ALL
SELECT format('COMMENT - SCHEMA %I', nspname)
FROM pg_namespace
WHERE oid >= 16384 AND nspname !~ '^pg_' AND nspname <> 'public'
  AND NOT pg_has_role(nspowner, 'USAGE')
UNION ALL
SELECT format('COMMENT - EXTENSION %I', extname)
FROM pg_extension
WHERE extname <> 'plpgsql' AND NOT pg_has_role(extowner, 'USAGE')
