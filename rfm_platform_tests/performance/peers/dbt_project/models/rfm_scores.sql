WITH customers AS (
    SELECT
        marketplace,
        user_id,
        DATE_DIFF('day', CAST(MAX(last_timestamp) AS DATE), CAST('{{ var("as_of") }}' AS DATE))
            AS recency,
        COUNT(DISTINCT order_id) AS frequency,
        SUM(gmv_base) AS monetary
    FROM {{ ref('orders') }}
    WHERE is_valid
    GROUP BY marketplace, user_id
),
quartiles AS (
    SELECT
        QUANTILE_CONT(CAST(recency AS DOUBLE), [0.25, 0.75]) AS r,
        QUANTILE_CONT(CAST(frequency AS DOUBLE), [0.25, 0.75]) AS f,
        QUANTILE_CONT(CAST(monetary AS DOUBLE), [0.25, 0.75]) AS m
    FROM customers
),
scored AS (
    SELECT
        c.*,
        CASE WHEN recency <= r[1] THEN 3 WHEN recency <= r[2] THEN 2 ELSE 1 END AS r_score,
        CASE WHEN frequency <= f[1] THEN 1 WHEN frequency <= f[2] THEN 2 ELSE 3 END AS f_score,
        CASE WHEN monetary <= m[1] THEN 1 WHEN monetary <= m[2] THEN 2 ELSE 3 END AS m_score,
        recency NOT BETWEEN r[1] - 1.5 * (r[2] - r[1]) AND r[2] + 1.5 * (r[2] - r[1])
        OR frequency NOT BETWEEN f[1] - 1.5 * (f[2] - f[1]) AND f[2] + 1.5 * (f[2] - f[1])
        OR monetary NOT BETWEEN m[1] - 1.5 * (m[2] - m[1]) AND m[2] + 1.5 * (m[2] - m[1])
            AS is_outlier,
        ROW_NUMBER() OVER (ORDER BY monetary DESC, marketplace, user_id) AS place,
        COUNT(*) OVER () AS everyone
    FROM customers AS c, quartiles
)
SELECT
    marketplace, user_id, recency, r_score, frequency, f_score, monetary, m_score,
    r_score + f_score + m_score AS total_score,
    segment,
    CASE
        WHEN place <= CEIL(everyone * 0.01) THEN 'top'
        WHEN place <= CEIL(everyone * 0.05) THEN 'big'
        WHEN place <= CEIL(everyone * 0.20) THEN 'medium'
        ELSE 'small'
    END AS pyramid_tier,
    is_outlier
FROM scored
JOIN {{ ref('segments') }} USING (r_score, f_score, m_score)
