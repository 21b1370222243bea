SELECT
    CAST(COALESCE(SUM(monetary) FILTER (WHERE pyramid_tier <> 'small'), 0) AS BIGINT) AS top_20,
    CAST(COALESCE(SUM(monetary), 0) AS BIGINT) AS everything
FROM rfm_scores
