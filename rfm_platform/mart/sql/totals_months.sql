-- What the customers of each marketplace bought on the given days, per month: the independent side
-- for the published months. Orders count once a (shop, customer, region), as the months have them.
WITH lines AS (
    SELECT
        DATE_TRUNC('month', {created_local})::date AS month,
        {marketplace} AS marketplace,
        {shop_id} AS shop_id,
        {shop_name} AS shop_name,
        {user_id} AS user_id,
        {magpie_region_code} AS region,
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
),
orders AS (
    SELECT
        month, marketplace, shop_id, shop_name, user_id, region, order_id,
        BOOL_OR(cancelled + returned = 0) AS is_valid,
        BOOL_OR(cancelled = 1) AS is_cancelled,
        BOOL_OR(returned = 1) AS is_returned,
        SUM(gmv) FILTER (WHERE cancelled + returned = 0) AS gmv,
        SUM(gmv_base) FILTER (WHERE cancelled + returned = 0) AS gmv_base,
        COUNT(barcode) FILTER (WHERE cancelled + returned = 0) AS units,
        MIN(created) FILTER (WHERE cancelled + returned = 0) AS first_timestamp,
        MAX(created) FILTER (WHERE cancelled + returned = 0) AS last_timestamp
    FROM lines
    WHERE cancelled IS NOT NULL AND returned IS NOT NULL
    GROUP BY month, marketplace, shop_id, shop_name, user_id, region, order_id
),
customers AS (
    SELECT
        month, marketplace, user_id,
        COUNT(*) AS rows,
        BOOL_OR(is_valid) AS is_valid
    FROM (
        SELECT month, marketplace, shop_id, shop_name, user_id, region,
            BOOL_OR(is_valid) AS is_valid
        FROM orders
        GROUP BY month, marketplace, shop_id, shop_name, user_id, region
    ) AS shops
    GROUP BY month, marketplace, user_id
)
SELECT totals.*, counted.rows, counted.customers
FROM (
    SELECT
        month,
        marketplace,
        COUNT(*) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(*) FILTER (WHERE is_cancelled) AS cancelled_orders,
        COUNT(*) FILTER (WHERE is_returned) AS returned_orders,
        COALESCE(SUM(gmv), 0)::bigint AS gmv,
        COALESCE(SUM(gmv_base), 0)::bigint AS gmv_base,
        SUM(units)::bigint AS units,
        MIN(first_timestamp) AS first_timestamp,
        MAX(last_timestamp) AS last_timestamp
    FROM orders
    GROUP BY month, marketplace
) AS totals
JOIN (
    SELECT
        month,
        marketplace,
        SUM(rows)::bigint AS rows,
        COUNT(*) FILTER (WHERE is_valid) AS customers
    FROM customers
    GROUP BY month, marketplace
) AS counted
    ON counted.month = totals.month
    AND counted.marketplace IS NOT DISTINCT FROM totals.marketplace
