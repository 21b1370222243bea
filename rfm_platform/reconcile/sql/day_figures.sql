-- What happened on each day: in all, per marketplace, and per shop. New customers are those whose
-- first valid order ever lies on the day; a shop's are not told apart.
WITH firsts AS (
    SELECT
        marketplace,
        user_id,
        CAST(MIN(first_order_timestamp) AS DATE) AS day
    FROM aggregated_monthly
    WHERE total_order > 0
    GROUP BY marketplace, user_id
),
new_customers AS (
    SELECT
        day, marketplace,
        GROUPING(marketplace) = 1 AS is_all,
        COUNT(user_id) AS new_customers
    FROM firsts
    WHERE day BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)
    GROUP BY GROUPING SETS ((day), (day, marketplace))
),
orders AS (
    SELECT
        day, marketplace, shop_id, order_id,
        COUNT(*) AS lines,
        BOOL_OR(is_valid) AS is_valid,
        BOOL_OR(is_cancelled) AS is_cancelled,
        BOOL_OR(is_returned) AS is_returned,
        SUM(CAST(product_gmv_amount AS HUGEINT) * kurs_rate) FILTER (WHERE is_valid) AS gmv_base,
        COUNT(*) FILTER (WHERE is_cancelled IS NULL OR is_returned IS NULL) AS unknown,
        COUNT(*) FILTER (WHERE user_id IS NULL OR user_id = '') AS without_customer,
        ANY_VALUE(HASH(marketplace, user_id)) FILTER (WHERE is_valid AND user_id <> '') AS customer
    FROM (SELECT *, NOT is_cancelled AND NOT is_returned AS is_valid FROM source_orders)
    GROUP BY day, marketplace, shop_id, order_id
),
figures AS (
    SELECT
        day, marketplace, shop_id,
        GROUPING(marketplace) = 1 AS is_all,
        GROUPING(shop_id) = 1 AS is_all_shops,
        CAST(SUM(lines) AS BIGINT) AS lines,
        COUNT(*) AS orders,
        COUNT(*) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(*) FILTER (WHERE is_cancelled) AS cancelled,
        COUNT(*) FILTER (WHERE is_returned) AS returned,
        CAST(COALESCE(SUM(gmv_base), 0) AS BIGINT) AS gmv_base,
        CAST(SUM(unknown) AS BIGINT) AS unknown,
        CAST(SUM(without_customer) AS BIGINT) AS without_customer,
        COUNT(DISTINCT customer) AS customers
    FROM orders
    GROUP BY GROUPING SETS ((day), (day, marketplace), (day, marketplace, shop_id))
)
SELECT
    f.* EXCLUDE (is_all, is_all_shops),
    f.is_all,
    is_all_shops,
    CASE WHEN is_all_shops THEN COALESCE(n.new_customers, 0) END AS new_customers
FROM figures AS f
LEFT JOIN new_customers AS n -- a marketplace may be null, and so it is in the total
    ON is_all_shops AND n.day = f.day AND n.is_all = f.is_all
    AND n.marketplace IS NOT DISTINCT FROM f.marketplace
ORDER BY f.day, f.marketplace, f.shop_id
