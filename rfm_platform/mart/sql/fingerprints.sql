-- A fingerprint of each day: every used column of its lines and of their orders' recipients, in
-- whatever order the rows come. Sums, so that a row that is there twice counts twice; one of lines
-- and one of recipients, so that whoever reads both apart arrives at the same. Joined to the days,
-- for the planner to know how few groups there are: it would sort the lines otherwise.
SELECT
    d.day,
    CONCAT_WS(
        ':',
        COUNT(*),
        SUM({line_hash}),
        COALESCE(SUM({name_hash}) FILTER (WHERE {orders_order_id} IS NOT NULL), 0)
    ) AS fingerprint
FROM {lines} AS l
JOIN UNNEST(%(days)s::date[]) AS d (day) ON d.day = {created_local}::date
LEFT JOIN {orders} AS o
    ON {orders_marketplace} = {marketplace}
    AND {orders_order_id} = {order_id}
    AND {orders_address_shipping_name} IS NOT NULL
WHERE {created} >= {first} AND {created} < {after}
GROUP BY d.day
