-- Triggers and whether they fire, those behind foreign keys as well: one that is switched off lets
-- in what it should keep out, or leaves a search empty.
SELECT
    CASE
        WHEN t.tgisinternal
            THEN format('%s: %s of %I', t.tgrelid::regclass, p.proname, k.conname)
        ELSE format('%s.%I', t.tgrelid::regclass, t.tgname)
    END AS object,
    concat_ws(
        ', ',
        CASE t.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'replica only'
            WHEN 'A' THEN 'always' END,
        CASE WHEN NOT t.tgisinternal THEN
            replace(pg_get_triggerdef(t.oid), 'EXECUTE PROCEDURE', 'EXECUTE FUNCTION')
        END
    ) AS definition
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_proc AS p ON p.oid = t.tgfoid
LEFT JOIN pg_constraint AS k ON k.oid = t.tgconstraint
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (NOT t.tgisinternal OR k.oid IS NOT NULL)
  AND COALESCE(to_jsonb(k) ->> 'conparentid', '0') = '0'
