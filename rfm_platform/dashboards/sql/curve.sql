SELECT scope, marketplace, shop_id, percent, customers, revenue
FROM rfm.rfm_concentration_snapshots
WHERE as_of_date = %(as_of)s
ORDER BY percent
