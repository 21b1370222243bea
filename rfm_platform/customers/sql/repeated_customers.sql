-- Who has rows of several months in a shop and region. Two 64-bit hashes stand for the five
-- grouping columns: two customers share both with a chance of 1 in 10^25.
SELECT user_hash, shop_hash
FROM (
    SELECT
        HASH(user_id) AS user_hash,
        HASH(marketplace, shop_id, shop_name, magpie_region_code) AS shop_hash
    FROM months
)
GROUP BY user_hash, shop_hash
HAVING COUNT(*) > 1
