-- The days on which each customer bought, and the valid orders of each. An order that lies in
-- several shops is one; orders are made distinct first, which is cheaper than to count distinct.
SELECT marketplace, user_id, day, COUNT(*) AS orders
FROM (
    SELECT DISTINCT marketplace, user_id, day, order_id
    FROM source_orders
    WHERE NOT is_cancelled AND NOT is_returned AND user_id <> ''
)
GROUP BY marketplace, user_id, day
