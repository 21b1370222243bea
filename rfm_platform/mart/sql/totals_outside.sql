-- Order lines that no partition will ever hold: before the first day, after the last, or without
-- a timestamp.
SELECT
    COUNT(*) FILTER (WHERE {created} < {first}) AS lines_before,
    MIN({created_local}) FILTER (WHERE {created} < {first}) AS earliest,
    COUNT(*) FILTER (WHERE {created} >= {after}) AS lines_after,
    MAX({created_local}) FILTER (WHERE {created} >= {after}) AS latest,
    COUNT(*) FILTER (WHERE {created} IS NULL) AS lines_without_timestamp
FROM {lines} AS l
WHERE {created} < {first} OR {created} >= {after} OR {created} IS NULL
