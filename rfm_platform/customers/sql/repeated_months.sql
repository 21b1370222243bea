-- The rows that have to be merged, aside: merged while everything is read and written, they did not
-- fit in memory beside it, and took twice as long.
SELECT m.*
FROM months AS m
SEMI JOIN repeated_customers AS r
    ON r.user_hash = HASH(m.user_id)
    AND r.shop_hash = HASH(m.marketplace, m.shop_id, m.shop_name, m.magpie_region_code)
