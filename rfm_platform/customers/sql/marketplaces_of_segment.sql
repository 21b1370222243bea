SELECT DISTINCT marketplace
FROM rfm_scores
WHERE segment = $segment AND marketplace IS NOT NULL
ORDER BY marketplace
