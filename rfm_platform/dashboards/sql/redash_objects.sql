SELECT kind, key, id, sent
FROM rfm.redash_objects
WHERE server = %(server)s
