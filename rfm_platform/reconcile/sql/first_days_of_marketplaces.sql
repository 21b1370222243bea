-- The day of each marketplace's first valid order.
SELECT marketplace, CAST(MIN(first_order_timestamp) AS DATE) AS first_day
FROM final_user_analysis
WHERE total_order > 0
GROUP BY marketplace
