SELECT campaign_id, campaign_type, CAST(start_date AS DATE), CAST(end_date AS DATE)
FROM read_parquet($descriptions)
ORDER BY start_date, campaign_id;
