SELECT
    CAST(SUM(blocks) AS BIGINT) AS blocks,
    MIN(day) FILTER (WHERE lines > 0) AS first_day,
    MAX(day) FILTER (WHERE lines > 0) AS last_day
FROM days;
