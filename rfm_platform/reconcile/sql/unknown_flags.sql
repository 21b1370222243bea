-- The flag values of each day that nobody knows, with their lines.
SELECT day, flag, value, COUNT(*) AS lines
FROM (
    SELECT day, 'cancelled_flag' AS flag, cancelled_flag AS value
    FROM source_orders
    WHERE is_cancelled IS NULL
    UNION ALL
    SELECT day, 'returned_flag', returned_flag
    FROM source_orders
    WHERE is_returned IS NULL
)
GROUP BY day, flag, value
ORDER BY lines DESC, flag, value
