-- Customers whom two states of a table do not say the same of. A row that has changed is taken for
-- the same with a chance of 1 in 10^19; two customers with one hash both differ if one of them does.
SELECT DISTINCT customer_hash
FROM hashed_before
FULL JOIN hashed_now USING (customer_hash)
WHERE hashed_before.content_hash IS DISTINCT FROM hashed_now.content_hash
