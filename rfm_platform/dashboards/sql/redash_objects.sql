SELECT kind, key, id, sent, adopted, left_at
FROM rfm.redash_objects
WHERE server = %(server)s
