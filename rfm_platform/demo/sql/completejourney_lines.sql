COPY (
    SELECT
        'completejourney' AS marketplace,
        CAST(store_id AS VARCHAR) AS shop_id,
        NULL AS shop_name,
        CAST(household_id AS VARCHAR) AS user_id,
        NULL AS magpie_region_code,
        1 AS kurs_rate,
        transaction_timestamp AT TIME ZONE 'UTC' AT TIME ZONE $timezone AS create_timestamp,
        NULL AS cancelled_flag,
        NULL AS returned_flag,
        CAST(basket_id AS VARCHAR) AS order_id,
        -- A double such as 1.39 is not exact: first to the cents that were meant, then × 100.
        CAST(CAST(sales_value AS DECIMAL(18, 2)) * 100 AS BIGINT) AS product_gmv_amount,
        CAST(product_id AS VARCHAR) AS marketplace_product_id,
        NULL AS marketplace_variant_id,
        CAST(product_id AS VARCHAR) AS marketplace_product_barcode,
        NULL AS order_shipping_fee_buyer_amount
    FROM read_parquet($transactions)
) TO $pipe (FORMAT csv, HEADER false, NULLSTR '\N');
