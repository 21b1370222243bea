DELETE FROM rfm.redash_objects
WHERE server = %(server)s AND kind = %(kind)s AND key = %(key)s
RETURNING id, adopted
