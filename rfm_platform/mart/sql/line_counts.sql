-- How many lines each of some days has; no row for a day without.
SELECT {created_local}::date AS day, COUNT(*) AS lines
FROM {lines} AS l
WHERE {created} >= {first} AND {created} < {after}
  AND {created_local}::date = ANY(%(days)s)
GROUP BY {created_local}::date
