-- Customers of a snapshot, for activation: whom to reach, and by what they were chosen.
SELECT marketplace, user_id, segment, pyramid_tier, recency, frequency, monetary
FROM rfm_scores
WHERE segment = $segment AND (NOT $one_marketplace OR marketplace IS NOT DISTINCT FROM $marketplace)
ORDER BY monetary DESC, marketplace, user_id
