-- Enumerations, domains and ranges; composite types are told by their columns. Not the multiranges
-- that come with a range since 14.
SELECT
    t.oid::regtype::text AS object,
    CASE t.typtype
        WHEN 'e' THEN (
            SELECT 'enum of ' || string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
            FROM pg_enum AS l WHERE l.enumtypid = t.oid
        )
        WHEN 'd' THEN concat_ws(
            ' ', 'domain over', format_type(t.typbasetype, t.typtypmod),
            CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault
        )
        WHEN 'c' THEN 'composite'
        WHEN 'r' THEN (
            SELECT concat_ws(
                ' ', 'range over', format_type(r.rngsubtype, NULL),
                'diff ' || NULLIF(r.rngsubdiff::oid, 0)::regproc,
                'canonical ' || NULLIF(r.rngcanonical::oid, 0)::regproc
            )
            FROM pg_range AS r WHERE r.rngtypid = t.oid
        )
        ELSE 'type ' || t.typtype::text
    END AS definition
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'
  )
