-- A row if a line is some customer's, as month_orders.sql counts them.
SELECT 1 AS found
FROM source_orders
WHERE is_cancelled IS NOT NULL AND is_returned IS NOT NULL AND user_id <> ''
LIMIT 1
