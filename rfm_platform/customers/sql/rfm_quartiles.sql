-- First and third quartile of each metric, linear interpolation (Hyndman and Fan's type 7), from how
-- many customers have each value: a quantile's own function would hold every customer's in memory.
-- Each metric for itself, so that a score is seen to come from its own metric only.
WITH positions AS (
    -- Where the quarters lie among a scope's customers, in order, counted from 0.
    SELECT
        scope,
        COUNT(*) AS customers,
        CAST(COUNT(*) - 1 AS DOUBLE) * 0.25 AS q1,
        CAST(COUNT(*) - 1 AS DOUBLE) * 0.75 AS q3
    FROM rfm_customers
    GROUP BY scope
),
recency_values AS (
    SELECT
        scope,
        CAST(recency AS DOUBLE) AS value,
        SUM(COUNT(*)) OVER (PARTITION BY scope ORDER BY recency) AS up_to_it
    FROM rfm_customers
    GROUP BY scope, recency
),
recency_neighbours AS (
    SELECT
        p.scope,
        MIN(CASE WHEN up_to_it > FLOOR(q1) THEN value END) AS q1_below,
        MIN(CASE WHEN up_to_it > CEIL(q1) THEN value END) AS q1_above,
        MIN(CASE WHEN up_to_it > FLOOR(q3) THEN value END) AS q3_below,
        MIN(CASE WHEN up_to_it > CEIL(q3) THEN value END) AS q3_above
    FROM positions AS p
    JOIN recency_values AS v ON v.scope IS NOT DISTINCT FROM p.scope
    GROUP BY p.scope
),
frequency_values AS (
    SELECT
        scope,
        CAST(frequency AS DOUBLE) AS value,
        SUM(COUNT(*)) OVER (PARTITION BY scope ORDER BY frequency) AS up_to_it
    FROM rfm_customers
    GROUP BY scope, frequency
),
frequency_neighbours AS (
    SELECT
        p.scope,
        MIN(CASE WHEN up_to_it > FLOOR(q1) THEN value END) AS q1_below,
        MIN(CASE WHEN up_to_it > CEIL(q1) THEN value END) AS q1_above,
        MIN(CASE WHEN up_to_it > FLOOR(q3) THEN value END) AS q3_below,
        MIN(CASE WHEN up_to_it > CEIL(q3) THEN value END) AS q3_above
    FROM positions AS p
    JOIN frequency_values AS v ON v.scope IS NOT DISTINCT FROM p.scope
    GROUP BY p.scope
),
monetary_values AS (
    SELECT
        scope,
        CAST(monetary AS DOUBLE) AS value,
        SUM(COUNT(*)) OVER (PARTITION BY scope ORDER BY monetary) AS up_to_it
    FROM rfm_customers
    GROUP BY scope, monetary
),
monetary_neighbours AS (
    SELECT
        p.scope,
        MIN(CASE WHEN up_to_it > FLOOR(q1) THEN value END) AS q1_below,
        MIN(CASE WHEN up_to_it > CEIL(q1) THEN value END) AS q1_above,
        MIN(CASE WHEN up_to_it > FLOOR(q3) THEN value END) AS q3_below,
        MIN(CASE WHEN up_to_it > CEIL(q3) THEN value END) AS q3_above
    FROM positions AS p
    JOIN monetary_values AS v ON v.scope IS NOT DISTINCT FROM p.scope
    GROUP BY p.scope
)
SELECT
    p.scope,
    p.customers,
    r.q1_below + (r.q1_above - r.q1_below) * (p.q1 - FLOOR(p.q1)) AS recency_q1,
    r.q3_below + (r.q3_above - r.q3_below) * (p.q3 - FLOOR(p.q3)) AS recency_q3,
    f.q1_below + (f.q1_above - f.q1_below) * (p.q1 - FLOOR(p.q1)) AS frequency_q1,
    f.q3_below + (f.q3_above - f.q3_below) * (p.q3 - FLOOR(p.q3)) AS frequency_q3,
    m.q1_below + (m.q1_above - m.q1_below) * (p.q1 - FLOOR(p.q1)) AS monetary_q1,
    m.q3_below + (m.q3_above - m.q3_below) * (p.q3 - FLOOR(p.q3)) AS monetary_q3
FROM positions AS p
JOIN recency_neighbours AS r ON r.scope IS NOT DISTINCT FROM p.scope
JOIN frequency_neighbours AS f ON f.scope IS NOT DISTINCT FROM p.scope
JOIN monetary_neighbours AS m ON m.scope IS NOT DISTINCT FROM p.scope
