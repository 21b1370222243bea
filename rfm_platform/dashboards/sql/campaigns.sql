SELECT campaign, first_day, last_day, period, outcome, targeted_matched, effect, effect_low,
    effect_high, verdict
FROM rfm.campaign_effect_snapshots
WHERE as_of_date = %(as_of)s AND breakdown = 'all'
ORDER BY first_day, campaign, period DESC, outcome
