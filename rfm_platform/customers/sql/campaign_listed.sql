-- The customers of a campaign's file that have ever validly ordered.
SELECT DISTINCT CAST($campaign AS INTEGER) AS campaign, c.customer
FROM campaign_file AS f
JOIN campaign_customers AS c
    ON c.marketplace IS NOT DISTINCT FROM f.marketplace AND c.user_id = f.user_id
