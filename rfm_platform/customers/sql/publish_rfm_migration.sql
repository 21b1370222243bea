-- Published as the lake holds it.
SELECT * FROM rfm_migration
