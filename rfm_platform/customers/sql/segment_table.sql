SELECT
    segment,
    COUNT(*) AS customers,
    CAST(SUM(frequency) AS BIGINT) AS orders,
    CAST(SUM(monetary) AS BIGINT) AS revenue
FROM rfm_scores
GROUP BY segment
