-- Order lines that no partition will ever hold: before the first day, after the last, or without
-- a timestamp. The local time says which they are, the bounds are there for an index. Shown as text:
-- infinity and years before 1 or after 9999 are timestamps to PostgreSQL only.
SELECT
    COUNT(*) FILTER (WHERE {created_local} < %(first)s::timestamp) AS lines_before,
    (MIN({created_local}) FILTER (WHERE {created_local} < %(first)s::timestamp))::text AS earliest,
    COUNT(*) FILTER (WHERE {created_local} >= %(after)s::timestamp) AS lines_after,
    (MAX({created_local}) FILTER (WHERE {created_local} >= %(after)s::timestamp))::text AS latest,
    COUNT(*) FILTER (WHERE {created} IS NULL) AS lines_without_timestamp
FROM {lines} AS l
WHERE ({created} < {first_later} AND {created_local} < %(first)s::timestamp)
    OR ({created} >= {after_earlier} AND {created_local} >= %(after)s::timestamp)
    OR {created} IS NULL
