-- Where anybody has ever validly ordered.
SELECT DISTINCT marketplace, shop_id FROM campaign_customer_shops
