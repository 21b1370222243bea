-- A user_id that is null or empty is no customer.
SELECT customer_number, COALESCE(user_id <> '', false) AS is_known, size
FROM orders;
