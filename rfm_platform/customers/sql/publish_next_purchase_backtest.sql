-- Published as the lake holds it.
SELECT * FROM next_purchase_backtest
