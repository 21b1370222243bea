-- The fingerprint that each day was read with; all rows of a day carry the same.
SELECT day, ANY_VALUE(day_fingerprint) AS fingerprint
FROM source_orders
GROUP BY day
