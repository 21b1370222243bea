-- What each customer validly ordered on each day, each order once whatever shops it lies in.
SELECT marketplace, user_id, day, COUNT(*) AS orders, SUM(revenue) AS revenue
FROM (
    SELECT
        marketplace, user_id, day, order_id,
        COALESCE(SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate), 0) AS revenue
    FROM source_orders
    WHERE NOT is_cancelled AND NOT is_returned AND user_id <> ''
    GROUP BY marketplace, user_id, day, order_id
)
GROUP BY marketplace, user_id, day
