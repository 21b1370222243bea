-- One row per customer who has validly ordered before a campaign: whether it reached them, whether
-- another campaign within the windows did, and what they ordered in each window. Who is in another
-- campaign's scope is told by orders before this one, too: later ones may be its effect.
WITH near AS (
    SELECT *
    FROM campaigns
    WHERE last_day >= CAST($before AS DATE) AND first_day <= CAST($after AS DATE)
),
in_scope AS (
    SELECT DISTINCT n.campaign, s.customer
    FROM near AS n
    JOIN campaign_customer_shops AS s
        ON (n.marketplaces IS NULL OR LIST_CONTAINS(n.marketplaces, s.marketplace))
        AND (n.shops IS NULL OR LIST_CONTAINS(n.shops, s.shop_id))
    WHERE s.first_day < CAST($first AS DATE)
),
reached AS (
    SELECT campaign, customer FROM in_scope SEMI JOIN campaign_listed USING (campaign, customer)
    UNION ALL
    SELECT campaign, customer
    FROM in_scope
    SEMI JOIN (FROM near WHERE NOT is_listed) USING (campaign)
),
elsewhere AS (
    SELECT r.customer, MIN(n.first_day) <= CAST($last AS DATE) AS is_by_the_end
    FROM reached AS r
    JOIN near AS n ON n.campaign = r.campaign
    WHERE r.campaign <> $campaign
    GROUP BY r.customer
),
windows AS (
    SELECT
        customer,
        COALESCE(SUM(orders) FILTER (WHERE day < CAST($first AS DATE)), 0) AS orders_before,
        COALESCE(SUM(revenue) FILTER (WHERE day < CAST($first AS DATE)), 0) AS revenue_before,
        COALESCE(SUM(orders) FILTER (
            WHERE day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)), 0) AS orders_during,
        COALESCE(SUM(revenue) FILTER (
            WHERE day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)), 0) AS revenue_during,
        COALESCE(SUM(orders) FILTER (WHERE day > CAST($last AS DATE)), 0) AS orders_after,
        COALESCE(SUM(revenue) FILTER (WHERE day > CAST($last AS DATE)), 0) AS revenue_after
    FROM campaign_customer_days
    WHERE day BETWEEN CAST($before AS DATE) AND CAST($after AS DATE)
    GROUP BY customer
)
SELECT
    CAST((s.r_score - 1) * 9 + (s.f_score - 1) * 3 + s.m_score - 1 AS BIGINT) AS cell,
    STRFTIME(c.first_day, '%Y-%m') AS cohort,
    s.segment,
    o.customer IS NOT NULL AS targeted,
    COALESCE(e.is_by_the_end, FALSE) AS excluded_during,
    e.customer IS NOT NULL AS excluded_after,
    CAST(COALESCE(w.orders_before, 0) AS DOUBLE) AS orders_before,
    CAST(COALESCE(w.revenue_before, 0) AS DOUBLE) AS revenue_before,
    CAST(COALESCE(w.orders_during, 0) AS DOUBLE) AS orders_during,
    CAST(COALESCE(w.revenue_during, 0) AS DOUBLE) AS revenue_during,
    CAST(COALESCE(w.orders_after, 0) AS DOUBLE) AS orders_after,
    CAST(COALESCE(w.revenue_after, 0) AS DOUBLE) AS revenue_after
FROM rfm_scores AS s
JOIN campaign_customers AS c
    ON c.marketplace IS NOT DISTINCT FROM s.marketplace AND c.user_id = s.user_id
LEFT JOIN (FROM reached WHERE campaign = $campaign) AS o ON o.customer = c.customer
LEFT JOIN elsewhere AS e ON e.customer = c.customer
LEFT JOIN windows AS w ON w.customer = c.customer
-- Beside a list stand those of the same scope; without one, those outside of it.
WHERE NOT $is_listed
    OR c.customer IN (SELECT customer FROM in_scope WHERE campaign = $campaign)
ORDER BY c.customer
