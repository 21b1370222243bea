SELECT m.oid::text AS object, md5(lo_get(m.oid)) AS definition
FROM pg_largeobject_metadata AS m
