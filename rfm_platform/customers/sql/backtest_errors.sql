-- Over all customers of the back-test: the errors that the model is judged by, against baselines.
SELECT 'orders, mean squared error' AS error,
    SUM(customers * squared_error_model) / SUM(customers) AS model,
    SUM(customers * squared_error_own_rate) / SUM(customers) AS own_rate,
    SUM(customers * squared_error_mean) / SUM(customers) AS mean
FROM next_purchase_backtest
UNION ALL
SELECT 'being active, Brier score',
    SUM(customers * brier_score_model) / SUM(customers),
    SUM(customers * brier_score_own_rate) / SUM(customers),
    SUM(customers * brier_score_mean) / SUM(customers)
FROM next_purchase_backtest
ORDER BY error
