SELECT i.type || ' ' || i.identity AS object, d.description AS definition
FROM pg_description AS d
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i
WHERE d.objoid >= 16384 AND d.classoid <> 'pg_extension'::regclass
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e'
  )
