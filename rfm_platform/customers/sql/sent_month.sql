-- What published_month.sql says of a published month, of the rows in the lake that were sent.
WITH shops AS (
    SELECT
        marketplace, shop_id,
        CAST(MAX(etl_batch_time) AS DATE) AS through,
        COUNT(*) AS rows,
        CAST(SUM(total_order) AS BIGINT) AS valid_orders,
        CAST(SUM(total_cancelled) AS BIGINT) AS cancelled_orders,
        CAST(SUM(total_returned) AS BIGINT) AS returned_orders,
        CAST(SUM(total_quantity) AS BIGINT) AS units,
        CAST(SUM(total_gmv_base_amount) AS BIGINT) AS gmv_base,
        CAST(SUM(CAST('0x' || SUBSTR(MD5(CONCAT_WS(CHR(31), user_id, magpie_region_code,
            total_order, total_cancelled, total_returned, total_quantity, total_gmv_amount,
            total_gmv_base_amount)), 1, 8) AS BIGINT)) AS BIGINT) AS digest
    FROM sent_month
    GROUP BY marketplace, shop_id
),
customers AS (
    SELECT marketplace, COUNT(DISTINCT user_id) FILTER (WHERE total_order > 0) AS customers
    FROM sent_month
    GROUP BY marketplace
)
SELECT
    s.marketplace,
    MAX(through) AS through,
    CAST(SUM(rows) AS BIGINT) AS rows,
    CAST(SUM(valid_orders) AS BIGINT) AS valid_orders,
    CAST(SUM(cancelled_orders) AS BIGINT) AS cancelled_orders,
    CAST(SUM(returned_orders) AS BIGINT) AS returned_orders,
    CAST(SUM(units) AS BIGINT) AS units,
    CAST(SUM(gmv_base) AS BIGINT) AS gmv_base,
    ANY_VALUE(customers) AS customers,
    LIST({
        'shop_id': shop_id,
        'valid_orders': valid_orders,
        'cancelled_orders': cancelled_orders,
        'returned_orders': returned_orders,
        'units': units,
        'gmv_base': gmv_base,
        'digest': digest
    }) AS shops
FROM shops AS s
JOIN customers AS c ON c.marketplace IS NOT DISTINCT FROM s.marketplace
GROUP BY s.marketplace
