-- Recency, frequency and monetary value as of a day, in the form that rfm_quartiles reads.
SELECT
    c.marketplace,
    c.user_id,
    CASE WHEN $per_marketplace THEN c.marketplace ELSE 'all' END AS scope,
    CAST(DATE_DIFF('day', MAX(d.day), CAST($as_of AS DATE)) AS INTEGER) AS recency,
    CAST(SUM(d.orders) AS BIGINT) AS frequency,
    CAST(SUM(d.revenue) AS BIGINT) AS monetary
FROM campaign_customer_days AS d
JOIN campaign_customers AS c ON c.customer = d.customer
WHERE d.day <= CAST($as_of AS DATE)
GROUP BY c.customer, c.marketplace, c.user_id
