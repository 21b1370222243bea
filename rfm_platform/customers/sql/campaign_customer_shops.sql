-- Since when each customer has validly ordered in each shop.
SELECT c.customer, s.marketplace, s.shop_id, s.first_day
FROM (
    SELECT marketplace, user_id, shop_id, MIN(day) AS first_day
    FROM source_orders
    WHERE NOT is_cancelled AND NOT is_returned AND user_id <> ''
    GROUP BY marketplace, user_id, shop_id
) AS s
JOIN campaign_customers AS c
    ON c.marketplace IS NOT DISTINCT FROM s.marketplace AND c.user_id = s.user_id
