-- The customers of a campaign's file that have ever validly ordered. Blanks around a text that
-- nobody has with them were put there by who wrote the list.
SELECT DISTINCT CAST($campaign AS INTEGER) AS campaign, COALESCE(c.customer, t.customer) AS customer
FROM campaign_file AS f
LEFT JOIN campaign_customers AS c
    ON c.marketplace IS NOT DISTINCT FROM f.marketplace AND c.user_id = f.user_id
LEFT JOIN campaign_customers AS t
    ON c.customer IS NULL
    AND t.marketplace IS NOT DISTINCT FROM TRIM(f.marketplace, e' \t')
    AND t.user_id = TRIM(f.user_id, e' \t')
WHERE COALESCE(c.customer, t.customer) IS NOT NULL
