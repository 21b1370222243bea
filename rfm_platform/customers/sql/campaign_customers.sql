-- Customers with a valid order, numbered in an order that does not depend on the machine.
SELECT
    ROW_NUMBER() OVER (ORDER BY marketplace, user_id) AS customer,
    marketplace, user_id,
    MIN(day) AS first_day
FROM customer_days
GROUP BY marketplace, user_id
