-- The days, what is sold on each, and which blocks of ten lines that makes.
CREATE TABLE days AS
WITH ramadan AS (
    SELECT first_day, eid
    FROM (
        VALUES
            (DATE '2022-04-03', DATE '2022-05-02'),
            (DATE '2023-03-23', DATE '2023-04-22'),
            (DATE '2024-03-12', DATE '2024-04-10'),
            (DATE '2025-03-01', DATE '2025-03-31'),
            (DATE '2026-02-19', DATE '2026-03-21')
    ) AS ramadan (first_day, eid)
),
calendar AS (
    SELECT
        day_number,
        CAST($end_date AS DATE) - CAST($days AS INTEGER) + 1 + CAST(day_number AS INTEGER) AS day
    FROM RANGE($days) AS numbers (day_number)
),
weighted AS (
    SELECT
        day_number,
        day,
        EXP(0.3 * day_number / 365)
        * CASE WHEN DAYOFWEEK(day) IN (0, 6) THEN 1.1 ELSE 1 END
        -- Wages are paid from the 25th on.
        * CASE WHEN DAY(day) >= 25 OR DAY(day) = 1 THEN 1.35 ELSE 1 END
        * CASE STRFTIME(day, '%m-%d')
            WHEN '09-09' THEN 3.0 WHEN '11-11' THEN 4.5 WHEN '12-12' THEN 4.0 ELSE 1
        END
        -- New clothes and presents before Eid, and a week on which couriers rest.
        * CASE
            WHEN day BETWEEN eid - 12 AND eid - 4 THEN 1.7
            WHEN day BETWEEN eid - 1 AND eid + 5 THEN 0.6
            WHEN day BETWEEN first_day AND eid THEN 1.25
            ELSE 1
        END
        * (0.92 + 0.16 * share(dice(hash(xor(hash($seed), hash(day_number))), 1))) AS weight
    FROM calendar
    LEFT JOIN ramadan ON day BETWEEN first_day AND eid + 5
),
cumulated AS (
    SELECT
        *,
        -- Differences of rounded running shares: whole numbers whose sum is exactly $lines.
        CAST(ROUND($lines * (SUM(weight) OVER running / SUM(weight) OVER ())) AS BIGINT) AS until
    FROM weighted
    WINDOW running AS (ORDER BY day_number ROWS UNBOUNDED PRECEDING)
),
counted AS (
    SELECT *, until - LAG(until, 1, 0) OVER (ORDER BY day_number) AS lines FROM cumulated
)
SELECT
    day_number,
    day,
    STRFTIME(day, '%Y%m%d') AS day_text,
    EPOCH_US(day) AS midnight,
    -- Rupiah for a ringgit, one rate a month.
    CAST(3400 + hash(DATE_TRUNC('month', day)) % 250 AS INTEGER) AS ringgit_rate,
    lines,
    CAST(CEIL(lines / 10) AS BIGINT) AS blocks,
    CAST(SUM(CEIL(lines / 10)) OVER (ORDER BY day_number) - CEIL(lines / 10) AS BIGINT)
        AS first_block
FROM counted
ORDER BY day_number;
