-- The SKUs that each customer of a shop and region bought, as sorted numbers. Two 64-bit hashes
-- stand for the five grouping columns: two customers share both with a chance of 1 in 10^25.
SELECT
    user_hash,
    shop_hash,
    LIST_SORT(LIST(sku_number)) AS sku_numbers
FROM (
    SELECT DISTINCT
        HASH(l.user_id) AS user_hash,
        HASH(l.marketplace, l.shop_id, l.shop_name, l.magpie_region_code) AS shop_hash,
        s.sku_number
    FROM month_lines AS l
    JOIN month_skus AS s
        ON s.marketplace_product_id IS NOT DISTINCT FROM l.marketplace_product_id
        AND s.marketplace_variant_id IS NOT DISTINCT FROM l.marketplace_variant_id
    WHERE NOT l.is_cancelled AND NOT l.is_returned AND l.user_id <> ''
)
GROUP BY user_hash, shop_hash
