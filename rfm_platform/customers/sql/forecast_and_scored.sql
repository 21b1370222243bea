-- Customers that are forecast and not scored, and the other way round.
SELECT
    (SELECT COUNT(*) FROM (
        SELECT marketplace, user_id FROM next_purchase
        EXCEPT ALL SELECT marketplace, user_id FROM rfm_scores
    )) AS forecast_only,
    (SELECT COUNT(*) FROM (
        SELECT marketplace, user_id FROM rfm_scores
        EXCEPT ALL SELECT marketplace, user_id FROM next_purchase
    )) AS scored_only
