-- How many customers a list holds.
SELECT COUNT(*) FROM (SELECT DISTINCT marketplace, user_id FROM campaign_file)
