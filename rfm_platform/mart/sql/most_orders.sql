-- Whether some days have at least half as many lines as the mart has orders, by its statistics;
-- no row where it has none, as of a view.
SELECT (
    SELECT COUNT(*)
    FROM {lines} AS l
    WHERE {created} >= {first} AND {created} < {after}
      AND {created_local}::date = ANY(%(days)s)
) >= c.reltuples / 2
FROM pg_class AS c
WHERE c.oid = {orders_name}::regclass AND c.reltuples > 0
