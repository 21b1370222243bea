-- Orders with a line on some day that is looked at and another on any other loaded day. The hash
-- only finds the few candidates; equal texts always have equal hashes.
WITH looked_at AS (
    SELECT DISTINCT HASH(marketplace, order_id) AS order_hash
    FROM source_orders
    WHERE order_id <> ''
),
loaded AS MATERIALIZED (
    SELECT marketplace, order_id, day
    FROM loaded_orders
    SEMI JOIN looked_at ON looked_at.order_hash = HASH(marketplace, order_id)
),
candidates AS (
    SELECT HASH(marketplace, order_id) AS order_hash
    FROM loaded
    GROUP BY order_hash
    HAVING MIN(day) < MAX(day)
)
SELECT marketplace, order_id, LIST_SORT(LIST(DISTINCT day)) AS days
FROM loaded
WHERE HASH(marketplace, order_id) IN (SELECT order_hash FROM candidates) AND order_id <> ''
GROUP BY marketplace, order_id
HAVING MIN(day) < MAX(day)
ORDER BY marketplace, order_id
