-- The R×F×M grid of each slice that has enough to be segmented.
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    s.scope, s.marketplace, s.shop_id,
    s.r_score, s.f_score, s.m_score,
    ANY_VALUE(s.segment) AS segment,
    CAST(SUM(s.customers) AS BIGINT) AS customers,
    CAST(SUM(s.revenue) AS BIGINT) AS revenue
FROM slice_counts AS s
JOIN slice_totals AS t
    ON t.scope = s.scope
    AND t.marketplace IS NOT DISTINCT FROM s.marketplace
    AND t.shop_id IS NOT DISTINCT FROM s.shop_id
WHERE t.withheld IS NULL
GROUP BY s.scope, s.marketplace, s.shop_id, s.r_score, s.f_score, s.m_score
