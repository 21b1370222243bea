-- Every check with its newest verdicts, those that failed first.
SELECT
    asset,
    check_name,
    COUNT(*) FILTER (WHERE passed) AS passed,
    COUNT(*) FILTER (WHERE NOT passed) AS failed,
    MAX(day) FILTER (WHERE NOT passed) AS newest_failed_day,
    MAX(day) AS newest_day
FROM rfm.check_results
GROUP BY asset, check_name
ORDER BY failed DESC, asset, check_name
