-- What the checks say, in one row, which the alert reads.
SELECT
    COUNT(*) AS verdicts,
    COUNT(*) FILTER (WHERE passed) AS passed,
    COUNT(*) FILTER (WHERE NOT passed) AS failed,
    DATE_TRUNC('second', MAX(recorded_at)) AS recorded_at
FROM rfm.check_results
