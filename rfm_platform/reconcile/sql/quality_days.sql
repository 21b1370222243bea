-- Lines of each day that something is wrong with.
SELECT
    day,
    COUNT(*) AS lines,
    COUNT(*) FILTER (WHERE is_cancelled IS NULL OR is_returned IS NULL) AS unknown_flags,
    COUNT(*) FILTER (
        WHERE order_shipping_fee_buyer_amount IS NOT NULL AND shipping_amount IS NULL
    ) AS unreadable_fees,
    COUNT(*) FILTER (WHERE user_id IS NULL OR user_id = '') AS without_customer,
    COUNT(*) FILTER (
        WHERE product_gmv_amount IS NULL OR kurs_rate IS NULL
        OR order_id IS NULL OR order_id = '' OR marketplace IS NULL OR marketplace = ''
    ) AS incomplete
FROM source_orders
GROUP BY day
