-- A month's SKUs, numbered in the order of their text: lists of numbers are sorted and compared
-- at a fraction of what lists of text cost.
SELECT
    marketplace_product_id,
    marketplace_variant_id,
    COALESCE(marketplace_product_id, '') || '/' || COALESCE(marketplace_variant_id, '') AS sku,
    CAST(DENSE_RANK() OVER (ORDER BY sku) AS INTEGER) AS sku_number
FROM (
    SELECT DISTINCT marketplace_product_id, marketplace_variant_id
    FROM month_lines
    WHERE marketplace_product_id IS NOT NULL OR marketplace_variant_id IS NOT NULL
)
