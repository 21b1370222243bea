-- The days by the customer's number.
SELECT c.customer, d.day, d.orders, d.revenue
FROM customer_days AS d
JOIN campaign_customers AS c
    ON c.marketplace IS NOT DISTINCT FROM d.marketplace AND c.user_id = d.user_id
