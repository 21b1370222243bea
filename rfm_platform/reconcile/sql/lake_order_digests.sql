-- Each order of a marketplace with a digest of its lines and of its recipient.
SELECT
    COALESCE(order_id, '') AS order_id,
    COUNT(*) || ':' || SUM(CAST('0x' || LEFT(digest, 15) AS BIGINT)) || '/'
        || COALESCE(MD5(MAX(address_shipping_name)), '-') AS digest
FROM digested_lines
WHERE marketplace IS NOT DISTINCT FROM $marketplace
GROUP BY COALESCE(order_id, '')
