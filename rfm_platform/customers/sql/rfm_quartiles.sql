-- First and third quartile of each metric, linear interpolation (Hyndman and Fan's type 7).
-- The cast matters: a quantile of integers or decimals would be rounded to their type.
SELECT
    scope,
    COUNT(*) AS customers,
    QUANTILE_CONT(CAST(recency AS DOUBLE), 0.25) AS recency_q1,
    QUANTILE_CONT(CAST(recency AS DOUBLE), 0.75) AS recency_q3,
    QUANTILE_CONT(CAST(frequency AS DOUBLE), 0.25) AS frequency_q1,
    QUANTILE_CONT(CAST(frequency AS DOUBLE), 0.75) AS frequency_q3,
    QUANTILE_CONT(CAST(monetary AS DOUBLE), 0.25) AS monetary_q1,
    QUANTILE_CONT(CAST(monetary AS DOUBLE), 0.75) AS monetary_q3
FROM rfm_customers
GROUP BY scope
