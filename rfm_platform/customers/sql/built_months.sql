-- What each month was built from.
SELECT month_of_order, ANY_VALUE(built_from) AS built_from
FROM aggregated_monthly
GROUP BY month_of_order
