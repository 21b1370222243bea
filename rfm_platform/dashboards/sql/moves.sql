SELECT from_date, scope, marketplace, shop_id, from_segment, to_segment, cause, customers
FROM rfm.rfm_migration_snapshots
WHERE as_of_date = %(as_of)s
