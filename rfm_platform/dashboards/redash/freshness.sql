-- How far behind the published tables are: one row, which the alert reads.
SELECT
    MAX(as_of_date) AS newest_day,
    DATE_TRUNC('second', MAX(published_at)) AS published_at,
    CURRENT_DATE - MAX(as_of_date) AS days_behind
FROM rfm.snapshot_publications
