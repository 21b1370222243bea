UPDATE rfm.redash_objects
SET left_at = %(left_at)s
WHERE server = %(server)s AND kind = %(kind)s AND key = %(key)s
RETURNING id
