-- What an earlier snapshot has found of a campaign, but for a window that was not over then and is.
SELECT * FROM judged_before
WHERE campaign = $campaign AND first_day = CAST($first AS DATE) AND last_day = CAST($last AS DATE)
    AND inputs IS NOT NULL AND NOT (verdict = 'not_over' AND $is_over)
