-- What the mart holds, per day and marketplace: the independent side of reconciliation. It shares
-- nothing with the pipeline, not even the way it reads a flag (flag.sql).
WITH lines AS (
    SELECT
        {created_local}::date AS day,
        {marketplace} AS marketplace,
        {order_id} AS order_id,
        {user_id} AS user_id,
        {created_local} AS created,
        {product_gmv_amount}::numeric AS gmv,
        {product_gmv_amount}::numeric * {kurs_rate} AS gmv_base,
        {marketplace_product_barcode} AS barcode,
        {cancelled} AS cancelled,
        {returned} AS returned,
        {digest} AS digest
    FROM {lines} AS l
    WHERE {created} >= {first} AND {created} < {after}
      AND {created_local}::date = ANY(%(days)s)
),
orders AS (
    -- Orders first: counting distinct orders among lines would sort them all.
    SELECT
        day,
        marketplace,
        order_id,
        COUNT(*) AS lines,
        BOOL_OR(cancelled + returned = 0) AS is_valid,
        BOOL_OR(cancelled = 1 AND returned >= 0) AS is_cancelled,
        BOOL_OR(returned = 1 AND cancelled >= 0) AS is_returned,
        SUM(gmv) FILTER (WHERE cancelled + returned = 0) AS gmv,
        SUM(gmv_base) FILTER (WHERE cancelled + returned = 0) AS gmv_base,
        COUNT(barcode) FILTER (WHERE cancelled + returned = 0) AS units,
        COUNT(*) FILTER (WHERE NULLIF(user_id, '') IS NULL) AS lines_without_customer,
        COUNT(*) FILTER (WHERE cancelled + returned IS NULL) AS lines_with_unknown_flag,
        MIN(created) AS first_timestamp,
        MAX(created) AS last_timestamp,
        SUM(('x0' || LEFT(digest, 15))::bit(64)::bigint) AS fingerprint
    FROM lines
    GROUP BY day, marketplace, order_id
),
totals AS (
    SELECT
        day,
        marketplace,
        SUM(lines)::bigint AS lines,
        COUNT(*) AS orders,
        COUNT(*) FILTER (WHERE is_valid) AS valid_orders,
        COUNT(*) FILTER (WHERE is_cancelled) AS cancelled_orders,
        COUNT(*) FILTER (WHERE is_returned) AS returned_orders,
        COALESCE(SUM(gmv), 0)::bigint AS gmv,
        COALESCE(SUM(gmv_base), 0)::bigint AS gmv_base,
        SUM(units)::bigint AS units,
        SUM(lines_without_customer)::bigint AS lines_without_customer,
        SUM(lines_with_unknown_flag)::bigint AS lines_with_unknown_flag,
        MIN(first_timestamp) AS first_timestamp,
        MAX(last_timestamp) AS last_timestamp,
        SUM(fingerprint)::text AS fingerprint
    FROM orders
    GROUP BY day, marketplace
),
customers AS (
    SELECT day, marketplace, COUNT(*) AS customers
    FROM (
        SELECT DISTINCT day, marketplace, user_id
        FROM lines
        WHERE user_id <> '' AND cancelled + returned = 0
    ) AS d
    GROUP BY day, marketplace
),
names AS (
    SELECT
        d.day,
        d.marketplace,
        SUM(('x0' || LEFT(MD5(CONVERT_TO(CONCAT(
            {order_of_day_told}, ';', n.name
        ), 'UTF8')), 15))::bit(64)::bigint)::text AS names_fingerprint
    FROM orders AS d
    JOIN (
        SELECT
            {orders_marketplace} AS marketplace,
            {orders_order_id} AS order_id,
            {recipient} AS name
        FROM {orders} AS o
        WHERE {orders_address_shipping_name} IS NOT NULL
          AND ({orders_marketplace}, {orders_order_id}) IN (
            SELECT marketplace, order_id FROM orders
        )
        GROUP BY 1, 2
    ) AS n ON n.marketplace = d.marketplace AND n.order_id = d.order_id
    GROUP BY d.day, d.marketplace
)
SELECT
    totals.*,
    COALESCE(customers.customers, 0) AS customers,
    COALESCE(names.names_fingerprint, '0') AS names_fingerprint
FROM totals
LEFT JOIN customers
    ON customers.day = totals.day
    AND customers.marketplace IS NOT DISTINCT FROM totals.marketplace
LEFT JOIN names
    ON names.day = totals.day AND names.marketplace IS NOT DISTINCT FROM totals.marketplace
