SELECT forecast_date, decile, customers, forecast_orders, actual_orders, actual_active_share
FROM rfm.next_purchase_backtest_snapshots
WHERE as_of_date = %(as_of)s
ORDER BY decile
