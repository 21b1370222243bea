-- Columns of tables and views: position, type, whether they may be null, default, identity, and how
-- they are stored where that is not as for every column of the type.
SELECT
    format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object,
    concat_ws(
        ' ',
        'column ' || row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
        format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || quote_ident(l.collname) END,
        CASE WHEN a.attnotnull THEN 'NOT NULL' END,
        'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
        'IDENTITY ' || NULLIF(to_jsonb(a) ->> 'attidentity', ''),
        'GENERATED ' || NULLIF(to_jsonb(a) ->> 'attgenerated', ''),
        CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END,
        'COMPRESSION ' || NULLIF(to_jsonb(a) ->> 'attcompression', ''),
        CASE WHEN a.attstattarget >= 0 THEN 'STATISTICS ' || a.attstattarget END,
        'WITH ' || array_to_string(a.attoptions, ', ')
    ) AS definition
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  )
