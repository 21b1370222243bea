-- Aggregates by their parts: servers write their definition out for no one. Functions in them by
-- name, because later releases give arguments of the server's own another type. Those that come with
-- a range type are left out: later releases make more of them.
SELECT
    p.oid::regprocedure::text AS object,
    CASE
        WHEN COALESCE(to_jsonb(p) ->> 'prokind', '') = 'a' OR to_jsonb(p) ->> 'proisagg' = 'true'
            THEN (
                SELECT concat_ws(
                    ', ',
                    'aggregate ' || a.aggkind::text || a.aggnumdirectargs,
                    'of ' || pg_get_function_arguments(p.oid),
                    (
                        SELECT string_agg(
                            f.part || ' ' || split_part(f.oid::regprocedure::text, '(', 1), ', '
                        )
                        FROM (VALUES
                            ('sfunc', a.aggtransfn), ('finalfunc', a.aggfinalfn),
                            ('combinefunc', a.aggcombinefn), ('serialfunc', a.aggserialfn),
                            ('deserialfunc', a.aggdeserialfn), ('msfunc', a.aggmtransfn),
                            ('minvfunc', a.aggminvtransfn), ('mfinalfunc', a.aggmfinalfn)
                        ) AS f (part, oid)
                        WHERE f.oid <> 0
                    ),
                    'stype ' || format_type(a.aggtranstype, NULL),
                    'sspace ' || NULLIF(a.aggtransspace, 0),
                    'initcond ' || quote_literal(a.agginitval),
                    'mstype ' || format_type(NULLIF(a.aggmtranstype, 0), NULL),
                    'msspace ' || NULLIF(a.aggmtransspace, 0),
                    'minitcond ' || quote_literal(a.aggminitval),
                    CASE WHEN a.aggfinalextra THEN 'finalfunc_extra' END,
                    CASE WHEN a.aggmfinalextra THEN 'mfinalfunc_extra' END,
                    'modify ' || COALESCE(
                        to_jsonb(a) ->> 'aggfinalmodify', CASE a.aggkind WHEN 'n' THEN 'r' ELSE 'w' END
                    ),
                    'sortop ' || NULLIF(a.aggsortop, 0)::regoperator,
                    'parallel ' || p.proparallel::text
                )
                FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid
            )
        ELSE pg_get_functiondef(p.oid)
    END AS definition
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e
    WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
      AND (e.deptype = 'e' OR e.deptype = 'i' AND e.refclassid = 'pg_type'::regclass)
  )
