-- Published as the lake holds it.
SELECT * FROM campaign_effect
