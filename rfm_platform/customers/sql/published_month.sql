-- A published month's totals per marketplace, and what each shop adds to them, with a digest of its
-- customers' figures, which moves when they do. Customers are grouped before they are counted:
-- counting distinct ones would sort.
WITH shops AS (
    SELECT
        marketplace, shop_id,
        MAX(etl_batch_time)::date AS through,
        COUNT(*) AS rows,
        SUM(total_order) AS valid_orders,
        SUM(total_cancelled) AS cancelled_orders,
        SUM(total_returned) AS returned_orders,
        SUM(total_quantity) AS units,
        SUM(total_gmv_base_amount) AS gmv_base,
        SUM(('x' || SUBSTR(MD5(CONCAT_WS(CHR(31), user_id, magpie_region_code,
            total_order, total_cancelled, total_returned, total_quantity, total_gmv_amount,
            total_gmv_base_amount)), 1, 8))::bit(32)::bigint) AS digest
    FROM rfm.aggregated_monthly
    WHERE month_of_order = %(month)s
    GROUP BY marketplace, shop_id
),
customers AS (
    SELECT marketplace, COUNT(*) AS customers
    FROM (
        SELECT marketplace, user_id
        FROM rfm.aggregated_monthly
        WHERE month_of_order = %(month)s AND total_order > 0
        GROUP BY marketplace, user_id
    ) AS buyers
    GROUP BY marketplace
)
SELECT
    s.marketplace,
    MAX(through) AS through,
    SUM(rows)::bigint AS rows,
    SUM(valid_orders)::bigint AS valid_orders,
    SUM(cancelled_orders)::bigint AS cancelled_orders,
    SUM(returned_orders)::bigint AS returned_orders,
    SUM(units)::bigint AS units,
    SUM(gmv_base)::bigint AS gmv_base,
    COALESCE(MAX(customers), 0) AS customers,
    JSONB_AGG(JSONB_BUILD_OBJECT(
        'shop_id', shop_id,
        'valid_orders', valid_orders,
        'cancelled_orders', cancelled_orders,
        'returned_orders', returned_orders,
        'units', units,
        'gmv_base', gmv_base,
        'digest', digest
    )) AS shops
FROM shops AS s
LEFT JOIN customers AS c ON c.marketplace IS NOT DISTINCT FROM s.marketplace
GROUP BY s.marketplace
