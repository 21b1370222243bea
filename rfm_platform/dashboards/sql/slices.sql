-- What the report can be cut by: everything, each marketplace, the largest shops.
SELECT scope, marketplace, shop_id, MAX(shop_name) AS shop_name, MAX(withheld) AS withheld,
    SUM(customers)::bigint AS customers, SUM(orders)::bigint AS orders,
    SUM(revenue)::bigint AS revenue
FROM rfm.rfm_segments_snapshots
WHERE as_of_date = %(as_of)s
GROUP BY scope, marketplace, shop_id
ORDER BY revenue DESC, marketplace, shop_id
