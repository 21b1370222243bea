-- What the customers of each marketplace bought on the given days, per month: the independent side
-- for the published months. Orders count once a (shop, customer, region), as the months have them.
WITH lines AS (
    SELECT
        DATE_TRUNC('month', {created_local})::date AS month,
        {marketplace} AS marketplace,
        ({shop_id}, {shop_name}, {user_id}, {magpie_region_code}) AS customer_of_shop,
        {user_id} AS user_id,
        {order_id} AS order_id,
        {created_local} AS created,
        {product_gmv_amount}::numeric AS gmv,
        {product_gmv_amount}::numeric * {kurs_rate} AS gmv_base,
        {marketplace_product_barcode} AS barcode,
        {cancelled} AS cancelled,
        {returned} AS returned
    FROM {lines} AS l
    WHERE {created} >= {first} AND {created} < {after}
      AND {created_local}::date = ANY(%(days)s)
      AND {user_id} <> ''
)
SELECT
    month,
    marketplace,
    COUNT(DISTINCT customer_of_shop) AS rows,
    COUNT(DISTINCT (customer_of_shop, order_id)) FILTER (WHERE cancelled + returned = 0)
        AS valid_orders,
    COUNT(DISTINCT (customer_of_shop, order_id)) FILTER (WHERE cancelled = 1) AS cancelled_orders,
    COUNT(DISTINCT (customer_of_shop, order_id)) FILTER (WHERE returned = 1) AS returned_orders,
    COALESCE(SUM(gmv) FILTER (WHERE cancelled + returned = 0), 0)::bigint AS gmv,
    COALESCE(SUM(gmv_base) FILTER (WHERE cancelled + returned = 0), 0)::bigint AS gmv_base,
    COUNT(barcode) FILTER (WHERE cancelled + returned = 0) AS units,
    COUNT(DISTINCT user_id) FILTER (WHERE cancelled + returned = 0) AS customers,
    MIN(created) FILTER (WHERE cancelled + returned = 0) AS first_timestamp,
    MAX(created) FILTER (WHERE cancelled + returned = 0) AS last_timestamp
FROM lines
WHERE cancelled IS NOT NULL AND returned IS NOT NULL
GROUP BY month, marketplace
