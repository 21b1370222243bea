SELECT scope, marketplace, shop_id, segment, customers, orders, revenue, median_recency
FROM rfm.rfm_segments_snapshots
WHERE as_of_date = %(as_of)s AND segment IS NOT NULL
