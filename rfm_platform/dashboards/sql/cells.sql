SELECT scope, marketplace, shop_id, r_score, f_score, m_score, segment, customers, revenue
FROM rfm.rfm_cells_snapshots
WHERE as_of_date = %(as_of)s
