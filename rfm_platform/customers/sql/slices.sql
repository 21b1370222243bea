-- Each customer in each slice but the whole: the marketplace, and every shop with a valid order.
SELECT
    'marketplace' AS scope, marketplace, CAST(NULL AS VARCHAR) AS shop_id, user_id,
    r_score, f_score, m_score, recency
FROM rfm_scores
UNION ALL
SELECT 'shop', s.marketplace, s.shop_id, s.user_id, c.r_score, c.f_score, c.m_score, c.recency
FROM shop_customers AS s
JOIN rfm_scores AS c
    ON c.marketplace IS NOT DISTINCT FROM s.marketplace AND c.user_id = s.user_id
