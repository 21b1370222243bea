-- What a database may hold beside: rules, row security, event triggers by definition, rarer kinds by
-- name. Objects of the server itself have smaller numbers than 16384.
SELECT format('rule %I on %s', r.rulename, r.ev_class::regclass) AS object,
    pg_get_ruledef(r.oid) || CASE r.ev_enabled WHEN 'O' THEN '' WHEN 'D' THEN ' DISABLED'
        WHEN 'R' THEN ' replica only' WHEN 'A' THEN ' always' END AS definition
FROM pg_rewrite AS r
WHERE r.oid >= 16384 AND r.rulename <> '_RETURN'
UNION ALL
SELECT format('policy %I on %s', p.polname, p.polrelid::regclass),
    concat_ws(
        ' ',
        CASE WHEN to_jsonb(p) ->> 'polpermissive' = 'false' THEN 'restrictive' END,
        p.polcmd::text,
        'to ' || (
            SELECT string_agg(name, ', ' ORDER BY name)
            FROM (
                SELECT CASE o WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(o)) END AS name
                FROM unnest(p.polroles) AS o
            ) AS roles
        ),
        'using ' || pg_get_expr(p.polqual, p.polrelid),
        'with check ' || pg_get_expr(p.polwithcheck, p.polrelid)
    )
FROM pg_policy AS p
UNION ALL
SELECT format('event trigger %I', e.evtname), concat_ws(
    ' ', e.evtevent, e.evtenabled, array_to_string(e.evttags, ', '), e.evtfoid::regproc
)
FROM pg_event_trigger AS e
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = e.tableoid AND d.objid = e.oid AND d.deptype = 'e'
)
UNION ALL
SELECT format('%s %s', i.type, i.identity), 'exists'
FROM (
    SELECT tableoid, oid FROM pg_operator UNION ALL
    SELECT tableoid, oid FROM pg_opclass UNION ALL
    SELECT tableoid, oid FROM pg_collation UNION ALL
    SELECT tableoid, oid FROM pg_conversion UNION ALL
    SELECT tableoid, oid FROM pg_cast UNION ALL
    SELECT tableoid, oid FROM pg_ts_config UNION ALL
    SELECT tableoid, oid FROM pg_ts_dict UNION ALL
    SELECT tableoid, oid FROM pg_foreign_server
) AS o
CROSS JOIN LATERAL pg_identify_object(o.tableoid, o.oid, 0) AS i
WHERE o.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = o.tableoid AND e.objid = o.oid AND e.deptype IN ('e', 'i')
)
