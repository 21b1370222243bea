-- The fingerprint of each day as it was read, which is the one that the mart computes of the day
-- (mart/sql/fingerprints.sql).
SELECT
    day,
    CONCAT_WS(
        ':', SUM(names), SUM(names * CAST(line_hash AS HUGEINT)), SUM(names_hash)
    ) AS fingerprint
FROM read_lines
GROUP BY day
