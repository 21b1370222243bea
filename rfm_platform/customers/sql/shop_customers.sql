-- Each customer with a valid order in a shop, and what they ordered there.
SELECT
    marketplace,
    shop_id,
    user_id,
    CAST(SUM(total_order) AS BIGINT) AS orders,
    CAST(SUM(total_gmv_base_amount) AS BIGINT) AS revenue
FROM final_user_analysis
WHERE total_order > 0
GROUP BY marketplace, shop_id, user_id
