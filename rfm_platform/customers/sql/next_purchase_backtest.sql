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
    AVG(POWER(model_orders - orders, 2)) AS squared_error_model,
    AVG(POWER(own_orders - orders, 2)) AS squared_error_own_rate,
    AVG(POWER(mean_orders - orders, 2)) AS squared_error_mean,
    AVG(POWER(model_active - active, 2)) AS brier_score_model,
    AVG(POWER(own_active - active, 2)) AS brier_score_own_rate,
    AVG(POWER(mean_active - active, 2)) AS brier_score_mean
FROM outcomes
CROSS JOIN means
GROUP BY decile
