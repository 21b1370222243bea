-- Over all customers of the back-test: the errors that the model is judged by, against baselines,
-- and by how much a difference is off by chance.
SELECT 'orders, mean squared error' AS error,
    SUM(customers * squared_error_model) / SUM(customers) AS model,
    SUM(customers * squared_error_own_rate) / SUM(customers) AS own_rate,
    SUM(customers * squared_error_mean) / SUM(customers) AS mean,
    ANY_VALUE(squared_noise_own_rate) AS own_rate_noise,
    ANY_VALUE(squared_noise_mean) AS mean_noise
FROM next_purchase_backtest
UNION ALL
SELECT 'being active, Brier score',
    SUM(customers * brier_score_model) / SUM(customers),
    SUM(customers * brier_score_own_rate) / SUM(customers),
    SUM(customers * brier_score_mean) / SUM(customers),
    ANY_VALUE(brier_noise_own_rate),
    ANY_VALUE(brier_noise_mean)
FROM next_purchase_backtest
ORDER BY error
