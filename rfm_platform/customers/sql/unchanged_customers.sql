-- What two snapshots have in common.
SELECT customer_hash, content_hash
FROM hashed_now
SEMI JOIN hashed_before USING (customer_hash, content_hash)
