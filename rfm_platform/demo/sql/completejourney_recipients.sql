COPY (
    SELECT DISTINCT
        'completejourney' AS marketplace,
        CAST(basket_id AS VARCHAR) AS order_id,
        NULL AS address_shipping_name
    FROM read_parquet($transactions)
    ORDER BY order_id
) TO $pipe (FORMAT csv, HEADER false, NULLSTR '\N');
