-- The customers of each segment.
SELECT segment, COUNT(*) AS customers
FROM rfm_scores
GROUP BY segment
