-- What a sequence gives next, as one that steps by one: a larger step is only further ahead.
SELECT
    '{name}' AS name,
    s.last_value + CASE WHEN s.is_called THEN 1 ELSE 0 END AS next_value,
    {highest} AS highest
FROM {sequence} AS s
