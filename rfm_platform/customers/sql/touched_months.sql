-- The months of the customers to be computed anew.
SELECT m.*
FROM all_months AS m
SEMI JOIN touched ON touched.customer_hash = HASH(m.marketplace, m.user_id)
