-- Triggers and whether they fire: one that is switched off lets in what it should keep out, or leaves
-- a search empty. Of those that a server derives, from foreign keys and for partitions, only what does
-- not fire as usual: which there are differs from release to release, and follows from the rest.
SELECT
    CASE
        WHEN NOT t.is_derived THEN format('%s.%I', t.tgrelid::regclass, t.tgname)
        WHEN k.oid IS NULL THEN format('%s.%I is %s', t.tgrelid::regclass, t.tgname, t.fires)
        WHEN COALESCE(to_jsonb(k) ->> 'conparentid', '0') <> '0'
            THEN format('%s: %s is %s', t.tgrelid::regclass, p.proname, t.fires)
        ELSE format('%s: %s of %I is %s', t.tgrelid::regclass, p.proname, k.conname, t.fires)
    END AS object,
    concat_ws(
        ', ',
        t.fires,
        CASE WHEN NOT t.is_derived THEN
            replace(pg_get_triggerdef(t.oid), 'EXECUTE PROCEDURE', 'EXECUTE FUNCTION')
        END
    ) AS definition
FROM (
    SELECT
        g.oid, g.tgrelid, g.tgname, g.tgfoid, g.tgconstraint, g.tgenabled,
        g.tgisinternal OR COALESCE(to_jsonb(g) ->> 'tgparentid', '0') <> '0' AS is_derived,
        CASE g.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'replica only'
            WHEN 'A' THEN 'always' END AS fires
    FROM pg_trigger AS g
) AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_proc AS p ON p.oid = t.tgfoid
LEFT JOIN pg_constraint AS k ON k.oid = t.tgconstraint
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (NOT t.is_derived OR t.tgenabled <> 'O')
