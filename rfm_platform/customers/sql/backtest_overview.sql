-- The back-test by decile, as a person reads it.
SELECT decile, customers, ROUND(forecast_orders, 1) AS forecast_orders, actual_orders,
    ROUND(100 * forecast_active_share, 1) AS forecast_active_percent,
    ROUND(100 * actual_active_share, 1) AS actual_active_percent
FROM next_purchase_backtest
ORDER BY decile
