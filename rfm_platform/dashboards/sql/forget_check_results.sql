WITH forgotten AS (
    DELETE FROM rfm.check_results RETURNING 1
)
SELECT COUNT(*) FROM forgotten
