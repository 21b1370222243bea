-- The forecast as of $forecast_date against the orders of the days since, by decile of forecast.
-- A customer's own past rate is repeat orders over age, of at least as many days as are forecast:
-- two orders in a first week are no rate. Purchases at that rate give its probability (Poisson).
WITH actual AS (
    SELECT marketplace, user_id, CAST(SUM(orders) AS BIGINT) AS orders
    FROM purchase_days
    WHERE day > CAST($forecast_date AS DATE)
    GROUP BY marketplace, user_id
),
outcomes AS (
    SELECT
        NTILE(10) OVER (ORDER BY c.expected_orders DESC, c.marketplace, c.user_id) AS decile,
        COALESCE(a.orders, 0) AS orders,
        CASE WHEN a.orders > 0 THEN 1 ELSE 0 END AS active,
        c.expected_orders AS model_orders,
        c.probability_active AS model_active,
        $days * c.repeat_orders / GREATEST(c.age, $days) AS own_orders,
        1 - EXP(-$days * c.repeats / GREATEST(c.age, $days)) AS own_active
    FROM customer_forecasts AS c
    LEFT JOIN actual AS a
        ON a.marketplace IS NOT DISTINCT FROM c.marketplace AND a.user_id = c.user_id
),
means AS (
    SELECT AVG(own_orders) AS mean_orders, AVG(own_active) AS mean_active FROM outcomes
),
errors AS (
    SELECT
        decile, orders, active, model_orders, model_active, own_orders, mean_orders,
        POWER(model_orders - orders, 2) AS squared_model,
        POWER(own_orders - orders, 2) AS squared_own,
        POWER(mean_orders - orders, 2) AS squared_mean,
        POWER(model_active - active, 2) AS brier_model,
        POWER(own_active - active, 2) AS brier_own,
        POWER(mean_active - active, 2) AS brier_mean
    FROM outcomes
    CROSS JOIN means
),
noise AS (
    -- Of the mean difference between two forecasts' errors, over all customers.
    SELECT
        STDDEV(squared_model - squared_own) / SQRT(COUNT(*)) AS squared_own,
        STDDEV(squared_model - squared_mean) / SQRT(COUNT(*)) AS squared_mean,
        STDDEV(brier_model - brier_own) / SQRT(COUNT(*)) AS brier_own,
        STDDEV(brier_model - brier_mean) / SQRT(COUNT(*)) AS brier_mean
    FROM errors
)
SELECT
    CAST($as_of AS DATE) AS as_of_date,
    CAST($forecast_date AS DATE) AS forecast_date,
    decile,
    COUNT(*) AS customers,
    SUM(model_orders) AS forecast_orders,
    SUM(orders) AS actual_orders,
    AVG(model_active) AS forecast_active_share,
    AVG(active) AS actual_active_share,
    AVG(ABS(model_orders - orders)) AS absolute_error_model,
    AVG(ABS(own_orders - orders)) AS absolute_error_own_rate,
    AVG(ABS(mean_orders - orders)) AS absolute_error_mean,
    AVG(e.squared_model) AS squared_error_model,
    AVG(e.squared_own) AS squared_error_own_rate,
    AVG(e.squared_mean) AS squared_error_mean,
    AVG(e.brier_model) AS brier_score_model,
    AVG(e.brier_own) AS brier_score_own_rate,
    AVG(e.brier_mean) AS brier_score_mean,
    ANY_VALUE(n.squared_own) AS squared_noise_own_rate,
    ANY_VALUE(n.squared_mean) AS squared_noise_mean,
    ANY_VALUE(n.brier_own) AS brier_noise_own_rate,
    ANY_VALUE(n.brier_mean) AS brier_noise_mean
FROM errors AS e
CROSS JOIN noise AS n
GROUP BY decile
