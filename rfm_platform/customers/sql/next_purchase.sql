-- Each customer's history with what the model says of it.
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    c.marketplace,
    c.user_id,
    c.repeats AS repeat_purchases,
    c.last_purchase,
    c.age,
    f.probability_alive,
    f.probability_active,
    f.expected_orders
FROM customer_histories AS c
JOIN forecasts AS f USING (repeats, last_purchase, age)
