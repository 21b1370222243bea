-- The same lists as texts, looked up where they are read.
WITH dictionary AS (
    SELECT LIST(sku ORDER BY sku_number) AS skus
    FROM (SELECT DISTINCT sku, sku_number FROM month_skus)
)
SELECT user_hash, shop_hash, LIST_SELECT((SELECT skus FROM dictionary), sku_numbers) AS sku_list
FROM month_sku_lists
