-- Customers with the same history are one row: all that the likelihood needs.
SELECT repeats, last_purchase, age, COUNT(*) AS customers,
    CAST(SUM(repeat_orders) AS BIGINT) AS repeat_orders
FROM customer_histories
GROUP BY repeats, last_purchase, age
ORDER BY repeats, last_purchase, age
