-- The mart's lines with their order's recipient, flags and fees read once and for all.
-- A flag that nobody knows becomes null, a fee that is no number becomes null: both stay visible
-- as the text that the mart held.
WITH flags AS (
    SELECT
        flag,
        CASE
            WHEN LOWER(flag) IN ('false', 'f', 'no', 'n', '0', '') THEN FALSE
            WHEN LOWER(flag) IN ('true', 't', 'yes', 'y', '1') THEN TRUE
            WHEN REGEXP_MATCHES(
                flag,
                '^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?( ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?))?)?$'
            ) THEN TRUE
        END AS meaning
    FROM (
        SELECT cancelled_flag AS flag FROM mart_lines WHERE cancelled_flag IS NOT NULL
        UNION
        SELECT returned_flag FROM mart_lines WHERE returned_flag IS NOT NULL
    )
),
names AS (
    -- One row per order: where the mart holds several, the highest name, so that no line is
    -- doubled. The hash finds the candidates; the join below looks at the order itself. Asked for
    -- the numbers of rows first, DuckDB reads nothing else of the many names that have spilled, and
    -- of the rest only the blocks between the first and the last of those rows.
    SELECT
        marketplace,
        order_id,
        MAX(address_shipping_name) AS address_shipping_name,
        COUNT(*) AS names,
        SUM(name_hash) AS names_hash
    FROM mart_names
    WHERE rowid IN (
        SELECT rowid
        FROM mart_names
        WHERE order_hash IN (
            SELECT DISTINCT CAST(HASH(marketplace, order_id) >> 1 AS BIGINT) FROM mart_lines
        )
    )
    GROUP BY marketplace, order_id
),
fees AS (
    SELECT
        fee,
        CASE
            WHEN REGEXP_MATCHES(fee, '^[\s\v]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[\s\v]*$')
            THEN TRY_CAST(TRIM(fee, E' \t\n\r\f\v') AS DECIMAL(18, 2))
        END AS amount
    FROM (
        SELECT DISTINCT order_shipping_fee_buyer_amount AS fee
        FROM mart_lines
        WHERE order_shipping_fee_buyer_amount IS NOT NULL
    )
)
SELECT
    CAST(l.create_timestamp AS DATE) AS day,
    l.*,
    n.address_shipping_name,
    CASE WHEN l.cancelled_flag IS NULL THEN FALSE ELSE c.meaning END AS is_cancelled,
    CASE WHEN l.returned_flag IS NULL THEN FALSE ELSE r.meaning END AS is_returned,
    f.amount AS shipping_amount,
    -- What joining the orders in the mart would make of the line: as many rows as it has names.
    COALESCE(n.names, 1) AS names,
    COALESCE(n.names_hash, 0) AS names_hash
FROM mart_lines AS l
LEFT JOIN names AS n ON n.marketplace = l.marketplace AND n.order_id = l.order_id
LEFT JOIN flags AS c ON c.flag = l.cancelled_flag
LEFT JOIN flags AS r ON r.flag = l.returned_flag
LEFT JOIN fees AS f ON f.fee = l.order_shipping_fee_buyer_amount
