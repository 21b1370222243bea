-- Rows of the new state that the earlier one does not have.
SELECT s.*
FROM state_now AS s
SEMI JOIN differing
    ON differing.customer_hash
        = HASH(s.marketplace, s.shop_id, s.shop_name, s.user_id, s.magpie_region_code)
