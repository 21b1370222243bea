-- How far behind the published tables are: one row, which the alert reads. By the shop's own clock,
-- and a day counts from the deadline on, by which the day before it has to be published.
SELECT
    MAX(as_of_date) AS newest_day,
    DATE_TRUNC('second', MAX(published_at)) AS published_at,
    CAST(now() AT TIME ZONE '[[RFM_TIMEZONE]]' - INTERVAL '[[RFM_DEADLINE]]' AS date)
        - MAX(as_of_date) AS days_behind
FROM rfm.snapshot_publications
