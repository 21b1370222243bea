-- Most parcels go to the customer, some to somebody else.
COPY (
    WITH addressed AS (
        SELECT
            *,
            CASE WHEN dice(bits, 17) % 10 = 0 THEN dice(bits, 18) ELSE customer_bits END AS person
        FROM orders
    )
    SELECT
        marketplace,
        order_id,
        CASE WHEN dirt = 'name' THEN dirt_text ELSE name END AS address_shipping_name
    FROM addressed
    JOIN names
        ON names.region = addressed.region
        AND names.slot = CAST(person // 1000 % 1000 AS BIGINT)
    ORDER BY order_number
) TO $pipe (FORMAT csv, HEADER false, NULLSTR '\N');
