-- The SKUs that each customer of a shop and region bought, as sorted texts: what customer_skus gives
-- over numbers. A cluster has no dictionary at hand that every one of its processes could look in.
SELECT user_hash, shop_hash, LIST_SORT(LIST(sku)) AS sku_list
FROM (
    SELECT DISTINCT
        HASH(user_id) AS user_hash,
        HASH(marketplace, shop_id, shop_name, magpie_region_code) AS shop_hash,
        COALESCE(marketplace_product_id, '') || '/' || COALESCE(marketplace_variant_id, '') AS sku
    FROM month_lines
    WHERE NOT is_cancelled AND NOT is_returned AND user_id <> ''
        AND (marketplace_product_id IS NOT NULL OR marketplace_variant_id IS NOT NULL)
)
GROUP BY user_hash, shop_hash
