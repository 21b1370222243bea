SELECT i.type || ' ' || i.identity AS object, d.description AS definition
FROM pg_description AS d
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i
WHERE d.objoid >= 16384 AND d.classoid <> 'pg_extension'::regclass
  AND (i.type, i.identity) <> ('schema', 'public')
  -- What a live session has of its own; a trigger has no schema, but its table.
  AND COALESCE(i.schema, '') !~ '^pg_' AND i.identity !~ ' on pg_temp'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e'
  )
