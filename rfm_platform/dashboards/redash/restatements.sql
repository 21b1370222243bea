-- The newest changes to months that were published before.
SELECT
    DATE_TRUNC('second', restated_at) AS restated_at,
    month_of_order,
    marketplace,
    through,
    total_order_after - total_order_before AS orders,
    total_cancelled_after - total_cancelled_before AS cancelled,
    total_returned_after - total_returned_before AS returned,
    ROUND(
        (total_gmv_base_amount_after - total_gmv_base_amount_before)
            / 10.0 ^ [[RFM_CURRENCY_DECIMALS]],
        [[RFM_CURRENCY_DECIMALS]]
    ) AS gmv,
    run_id
FROM rfm.restatements
ORDER BY restated_at DESC, month_of_order DESC, marketplace, run_id
LIMIT 200
