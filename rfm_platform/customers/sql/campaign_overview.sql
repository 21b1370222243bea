-- All customers' effects, as a person reads them.
SELECT campaign, first_day, last_day, period, outcome, targeted_customers, targeted_excluded,
    targeted_matched, effect, effect_low, effect_high, verdict, reason
FROM campaign_effect
WHERE breakdown = 'all'
ORDER BY first_day, campaign, period DESC, outcome
