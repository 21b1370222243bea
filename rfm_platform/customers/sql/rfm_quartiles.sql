-- First and third quartile of each metric, linear interpolation (Hyndman and Fan's type 7), from how
-- many customers have each value: a quantile's own function would hold every customer's in memory.
WITH counted AS (
    SELECT scope, 'recency' AS metric, recency AS value, COUNT(*) AS customers
    FROM rfm_customers
    GROUP BY scope, recency
    UNION ALL
    SELECT scope, 'frequency', frequency, COUNT(*)
    FROM rfm_customers
    GROUP BY scope, frequency
    UNION ALL
    SELECT scope, 'monetary', monetary, COUNT(*)
    FROM rfm_customers
    GROUP BY scope, monetary
),
ranked AS (
    SELECT
        scope,
        metric,
        CAST(value AS DOUBLE) AS value,
        SUM(customers) OVER (PARTITION BY scope, metric ORDER BY value) AS up_to_it,
        SUM(customers) OVER (PARTITION BY scope, metric) AS everyone
    FROM counted
),
positions AS (
    SELECT
        scope,
        metric,
        value,
        CAST(up_to_it AS BIGINT) AS up_to_it,
        CAST(everyone AS BIGINT) AS everyone,
        CAST(everyone - 1 AS DOUBLE) * 0.25 AS first_quarter,
        CAST(everyone - 1 AS DOUBLE) * 0.75 AS third_quarter
    FROM ranked
),
neighbours AS (
    -- A customer's position counts from 0. Between the two that a quarter lies between, it is where
    -- the rest of its position says.
    SELECT
        scope,
        metric,
        everyone,
        first_quarter - FLOOR(first_quarter) AS q1_rest,
        third_quarter - FLOOR(third_quarter) AS q3_rest,
        MIN(CASE WHEN up_to_it > FLOOR(first_quarter) THEN value END) AS q1_below,
        MIN(CASE WHEN up_to_it > CEIL(first_quarter) THEN value END) AS q1_above,
        MIN(CASE WHEN up_to_it > FLOOR(third_quarter) THEN value END) AS q3_below,
        MIN(CASE WHEN up_to_it > CEIL(third_quarter) THEN value END) AS q3_above
    FROM positions
    GROUP BY scope, metric, everyone, first_quarter, third_quarter
),
quartiles AS (
    SELECT
        scope,
        metric,
        everyone,
        q1_below + (q1_above - q1_below) * q1_rest AS q1,
        q3_below + (q3_above - q3_below) * q3_rest AS q3
    FROM neighbours
)
SELECT
    scope,
    MAX(everyone) AS customers,
    MAX(CASE WHEN metric = 'recency' THEN q1 END) AS recency_q1,
    MAX(CASE WHEN metric = 'recency' THEN q3 END) AS recency_q3,
    MAX(CASE WHEN metric = 'frequency' THEN q1 END) AS frequency_q1,
    MAX(CASE WHEN metric = 'frequency' THEN q3 END) AS frequency_q3,
    MAX(CASE WHEN metric = 'monetary' THEN q1 END) AS monetary_q1,
    MAX(CASE WHEN metric = 'monetary' THEN q3 END) AS monetary_q3
FROM quartiles
GROUP BY scope
