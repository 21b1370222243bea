-- The lines as they were read, each with its day's fingerprint, which is the one that the mart
-- computes of the day (mart/sql/fingerprints.sql).
WITH days AS (
    SELECT
        day,
        CONCAT_WS(
            ':', SUM(names), SUM(names * CAST(line_hash AS HUGEINT)), SUM(names_hash)
        ) AS fingerprint
    FROM read_lines
    GROUP BY day
)
SELECT
    l.* EXCLUDE (line_hash, names, names_hash),
    d.fingerprint AS day_fingerprint
FROM read_lines AS l
JOIN days AS d ON d.day = l.day
