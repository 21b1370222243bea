COPY (
    SELECT 'completejourney' AS marketplace, CAST(household_id AS VARCHAR) AS user_id
    FROM read_parquet($campaigns)
    WHERE campaign_id = $campaign
    ORDER BY household_id
) TO $file (FORMAT csv, HEADER true);
