-- Rows of the snapshot before that the new one does not have.
SELECT * FROM hashed_before ANTI JOIN unchanged USING (customer_hash, content_hash)
