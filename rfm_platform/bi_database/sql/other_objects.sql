-- What a database may hold beside: rules, row security, event triggers by definition, rarer kinds by
-- name. Objects of the server itself have smaller numbers than 16384. What an option of a foreign
-- server holds may be a secret: a few letters of its hash tell whether it is the same.
WITH foreign_options AS (
    SELECT o.owner, string_agg(
        t.option_name || ' ' || CASE WHEN t.option_name IN ('host', 'hostaddr', 'port', 'dbname')
            THEN t.option_value ELSE left(md5(t.option_value), 8) END,
        ', ' ORDER BY t.option_name
    ) AS options
    FROM (
        SELECT oid AS owner, srvoptions AS options FROM pg_foreign_server
        UNION ALL
        SELECT umid, umoptions FROM pg_user_mappings
    ) AS o
    CROSS JOIN LATERAL pg_options_to_table(o.options) AS t
    GROUP BY o.owner
)
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
SELECT format('server %I', s.srvname),
    concat_ws(', ', 'by ' || quote_ident(w.fdwname), s.srvtype, s.srvversion, f.options)
FROM pg_foreign_server AS s
JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
LEFT JOIN foreign_options AS f ON f.owner = s.oid
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = s.tableoid AND d.objid = s.oid AND d.deptype = 'e'
)
UNION ALL
-- Servers show what a single role's mapping holds to that role only.
SELECT format(
        'user mapping for %s on server %I',
        CASE u.umuser WHEN 0 THEN 'public' ELSE quote_ident(u.usename) END, u.srvname
    ),
    concat_ws(', ', 'exists', CASE u.umuser WHEN 0 THEN f.options END)
FROM pg_user_mappings AS u
LEFT JOIN foreign_options AS f ON f.owner = u.umid
UNION ALL
SELECT format('%s %s', i.type, i.identity), 'exists'
FROM (
    SELECT tableoid, oid FROM pg_operator UNION ALL
    SELECT tableoid, oid FROM pg_opclass UNION ALL
    SELECT tableoid, oid FROM pg_collation UNION ALL
    SELECT tableoid, oid FROM pg_conversion UNION ALL
    SELECT tableoid, oid FROM pg_cast UNION ALL
    SELECT tableoid, oid FROM pg_ts_config UNION ALL
    SELECT tableoid, oid FROM pg_ts_dict
) AS o
CROSS JOIN LATERAL pg_identify_object(o.tableoid, o.oid, 0) AS i
WHERE o.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = o.tableoid AND e.objid = o.oid AND e.deptype IN ('e', 'i')
)
