-- The lines as they were read, each with its day's fingerprint.
SELECT
    l.* EXCLUDE (line_hash, names, names_hash),
    d.fingerprint AS day_fingerprint
FROM read_lines AS l
JOIN read_days AS d ON d.day = l.day
