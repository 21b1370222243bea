-- Which computation of each snapshot of final_user_analysis is published, the newest first.
SELECT as_of_date, version
FROM rfm.snapshot_publications
WHERE as_of_date < %(as_of)s
ORDER BY as_of_date DESC
