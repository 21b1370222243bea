-- Each customer's history with what the model says of it.
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    marketplace,
    user_id,
    repeats AS repeat_purchases,
    last_purchase,
    age,
    probability_alive,
    probability_active,
    expected_orders
FROM customer_forecasts
