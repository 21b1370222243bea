-- Rows of a snapshot that the one before does not have.
SELECT * FROM hashed_now ANTI JOIN unchanged USING (customer_hash, content_hash)
