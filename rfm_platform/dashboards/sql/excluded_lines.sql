-- What was read up to the day, and which lines count in no figure, or not fully.
SELECT
    COUNT(DISTINCT day) AS days,
    MIN(day) AS first_day,
    MAX(day) AS last_day,
    COUNT(*) AS lines,
    COUNT(*) FILTER (WHERE is_cancelled) AS cancelled,
    COUNT(*) FILTER (WHERE is_returned) AS returned,
    COUNT(*) FILTER (WHERE is_cancelled IS NULL OR is_returned IS NULL) AS unknown_flags,
    COUNT(*) FILTER (WHERE user_id IS NULL OR user_id = '') AS without_customer,
    COUNT(*) FILTER (
        WHERE order_shipping_fee_buyer_amount IS NOT NULL AND shipping_amount IS NULL
    ) AS unreadable_fees
FROM source_orders
