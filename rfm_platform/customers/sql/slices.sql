-- Each customer in each slice that a person may look at: everybody, the marketplace, each shop with
-- a valid order. A shop's orders and revenue are those in the shop; score and segment are the
-- customer's own, which no slice changes. A customer of two shops is in both and in the whole once.
WITH shops AS (
    SELECT
        marketplace,
        shop_id,
        user_id,
        CAST(SUM(total_order) AS BIGINT) AS orders,
        CAST(SUM(total_gmv_base_amount) AS BIGINT) AS revenue
    FROM final_user_analysis
    WHERE total_order > 0
    GROUP BY marketplace, shop_id, user_id
)
SELECT 'all' AS scope, CAST(NULL AS VARCHAR) AS marketplace, CAST(NULL AS VARCHAR) AS shop_id,
    marketplace AS home, user_id, segment,
    r_score, f_score, m_score, recency, frequency AS orders, monetary AS revenue
FROM rfm_scores
UNION ALL
SELECT 'marketplace', marketplace, NULL, marketplace, user_id, segment,
    r_score, f_score, m_score, recency, frequency, monetary
FROM rfm_scores
UNION ALL
SELECT 'shop', s.marketplace, s.shop_id, s.marketplace, s.user_id, c.segment,
    c.r_score, c.f_score, c.m_score, c.recency, s.orders, s.revenue
FROM shops AS s
JOIN rfm_scores AS c
    ON c.marketplace IS NOT DISTINCT FROM s.marketplace AND c.user_id = s.user_id
