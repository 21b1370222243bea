-- Orders with a line on some day of the run and another on any other loaded day. The hash only
-- finds the few candidates; equal texts always have equal hashes.
WITH candidates AS (
    SELECT HASH(marketplace, order_id) AS order_hash
    FROM loaded_orders
    GROUP BY order_hash
    HAVING MIN(day) < MAX(day)
)
SELECT marketplace, order_id, LIST_SORT(LIST(DISTINCT day)) AS days
FROM loaded_orders
WHERE HASH(marketplace, order_id) IN (SELECT order_hash FROM candidates) AND order_id <> ''
GROUP BY marketplace, order_id
HAVING MIN(day) < MAX(day)
   AND COUNT(*) FILTER (WHERE day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)) > 0
ORDER BY marketplace, order_id
