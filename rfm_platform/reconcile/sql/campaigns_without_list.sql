SELECT DISTINCT campaign, reason
FROM rfm.campaign_effect_snapshots
WHERE as_of_date = %(as_of)s AND verdict = 'no_list'
ORDER BY campaign, reason
