-- What the model says of each customer. Orders are purchases times the orders that the customer has
-- on a day of one: 1 and a Poisson number, whose mean differs from customer to customer by a gamma
-- distribution. Its mean and variance are those of all customers' past (method of moments); the
-- more a customer has bought, the more their own past counts.
WITH extras AS (
    SELECT *, repeat_orders - repeats AS extra FROM customer_histories
),
sums AS (
    SELECT
        CAST(SUM(repeats) AS DOUBLE) AS purchases,
        SUM(extra) / CAST(SUM(repeats) AS DOUBLE) AS mean,
        SUM(CAST(extra AS DOUBLE) * extra) AS extra_extra,
        SUM(CAST(extra AS DOUBLE) * repeats) AS extra_repeats,
        SUM(CAST(repeats AS DOUBLE) * repeats) AS repeats_repeats
    FROM extras
),
moments AS (
    SELECT
        mean,
        GREATEST(0, (
            extra_extra - 2 * mean * extra_repeats + mean * mean * repeats_repeats
            - mean * purchases
        ) / repeats_repeats) AS variance
    FROM sums
)
SELECT
    c.*,
    f.probability_alive,
    f.probability_active,
    f.expected_purchases * (1 + COALESCE(
        (c.extra * m.variance + m.mean * m.mean) / NULLIF(c.repeats * m.variance + m.mean, 0), 0
    )) AS expected_orders
FROM extras AS c
JOIN forecasts AS f USING (repeats, last_purchase, age)
CROSS JOIN moments AS m
