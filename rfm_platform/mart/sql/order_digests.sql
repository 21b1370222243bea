-- Each order of a day and marketplace with a digest of its lines, in whatever order they come, and
-- of its recipient.
SELECT
    lines.order_id,
    lines.digest || '/' || COALESCE(MD5(CONVERT_TO(names.name, 'UTF8')), '-') AS digest
FROM (
    SELECT
        COALESCE({order_id}, '') AS order_id,
        COUNT(*) || ':' || SUM(('x0' || LEFT({digest}, 15))::bit(64)::bigint) AS digest
    FROM {lines} AS l
    WHERE {created} >= {first} AND {created} < {after}
      AND {created_local}::date = ANY(%(days)s)
      AND {marketplace} IS NOT DISTINCT FROM %(marketplace)s
    GROUP BY COALESCE({order_id}, '')
) AS lines
LEFT JOIN (
    SELECT {orders_order_id} AS order_id, {recipient} AS name
    FROM {orders} AS o
    WHERE {orders_marketplace} = %(marketplace)s
    GROUP BY {orders_order_id}
) AS names ON names.order_id = lines.order_id
