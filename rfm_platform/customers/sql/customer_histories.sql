-- What the model knows of each customer as of a day (see customers/bg_nbd.py: x, t_x, T), and the
-- orders of repeat purchases.
SELECT
    marketplace,
    user_id,
    COUNT(day) - 1 AS repeats,
    DATE_DIFF('day', MIN(day), MAX(day)) AS last_purchase,
    DATE_DIFF('day', MIN(day), CAST($as_of AS DATE)) AS age,
    CAST(SUM(orders) - ARG_MIN(orders, day) AS BIGINT) AS repeat_orders
FROM purchase_days
WHERE day <= CAST($as_of AS DATE)
GROUP BY marketplace, user_id
