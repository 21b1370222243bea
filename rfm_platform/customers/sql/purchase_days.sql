-- The days on which each customer bought, without what they paid, which is then not computed.
SELECT marketplace, user_id, day, orders
FROM customer_days
