-- Keys and checks. NOT NULL is told at the column: only the newest servers make it a constraint.
-- Those that a server derives for partitions are left out: it names them as the partitions came.
SELECT
    format('%s.%I', COALESCE(NULLIF(c.conrelid, 0)::regclass::text, c.contypid::regtype::text), c.conname)
        AS object,
    pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint AS c
JOIN pg_namespace AS n ON n.oid = c.connamespace
WHERE c.contype NOT IN ('n', 't')
  AND COALESCE(to_jsonb(c) ->> 'conparentid', '0') = '0'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.deptype = 'e' AND (e.classid, e.objid) IN (
        ('pg_class'::regclass, c.conrelid), ('pg_type'::regclass, c.contypid)
    )
  )
