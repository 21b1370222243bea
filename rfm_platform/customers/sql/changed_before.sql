-- Rows of the earlier state that the new one does not have.
SELECT s.*
FROM state_before AS s
SEMI JOIN differing
    ON differing.customer_hash
        = HASH(s.marketplace, s.shop_id, s.shop_name, s.user_id, s.magpie_region_code)
