-- All customers' segments, the largest revenue first.
SELECT segment, customers, ROUND(100 * customers_share, 1) AS customers_percent, orders, revenue,
    ROUND(100 * revenue_share, 1) AS revenue_percent, median_recency, action, withheld
FROM rfm_segments
WHERE scope = 'all'
ORDER BY revenue DESC, segment
