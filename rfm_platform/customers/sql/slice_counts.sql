-- The customers of each slice that a person may look at (everybody, a marketplace, a shop with a valid
-- order), counted by segment, scores and recency: few rows, whatever the customers are. A shop's
-- orders and revenue are those in the shop; score and segment are the customer's own, which no slice
-- changes. A customer of two shops is in both and in the whole once.
WITH marketplaces AS (
    SELECT
        marketplace, segment, r_score, f_score, m_score, recency,
        COUNT(user_id) AS customers, SUM(frequency) AS orders, SUM(monetary) AS revenue
    FROM rfm_scores
    GROUP BY marketplace, segment, r_score, f_score, m_score, recency
)
SELECT
    'all' AS scope, CAST(NULL AS VARCHAR) AS marketplace, CAST(NULL AS VARCHAR) AS shop_id,
    segment, r_score, f_score, m_score, recency,
    CAST(SUM(customers) AS BIGINT) AS customers,
    CAST(SUM(orders) AS BIGINT) AS orders,
    CAST(SUM(revenue) AS BIGINT) AS revenue
FROM marketplaces
GROUP BY segment, r_score, f_score, m_score, recency
UNION ALL
SELECT 'marketplace', marketplace, NULL, segment, r_score, f_score, m_score, recency,
    customers, CAST(orders AS BIGINT), CAST(revenue AS BIGINT)
FROM marketplaces
UNION ALL
SELECT 'shop', s.marketplace, s.shop_id, c.segment, c.r_score, c.f_score, c.m_score, c.recency,
    COUNT(s.user_id), CAST(SUM(s.orders) AS BIGINT), CAST(SUM(s.revenue) AS BIGINT)
FROM shop_customers AS s
JOIN rfm_scores AS c
    ON c.marketplace IS NOT DISTINCT FROM s.marketplace AND c.user_id = s.user_id
GROUP BY s.marketplace, s.shop_id, c.segment, c.r_score, c.f_score, c.m_score, c.recency
