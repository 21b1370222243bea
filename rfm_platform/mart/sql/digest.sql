-- A line's columns in one text, unambiguous, so that two sides can compare lines; in UTF-8, whatever
-- the mart's encoding is.
MD5(CONVERT_TO(CONCAT(
    COALESCE(LENGTH({marketplace}) || ':' || {marketplace}, '-'), ';',
    COALESCE(LENGTH({shop_id}) || ':' || {shop_id}, '-'), ';',
    COALESCE(LENGTH({shop_name}) || ':' || {shop_name}, '-'), ';',
    COALESCE(LENGTH({user_id}) || ':' || {user_id}, '-'), ';',
    COALESCE(LENGTH({magpie_region_code}) || ':' || {magpie_region_code}, '-'), ';',
    COALESCE({kurs_rate}::text, '-'), ';',
    TO_CHAR({created_local}, 'YYYY-MM-DD HH24:MI:SS.US'), ';',
    COALESCE(LENGTH({cancelled_flag}) || ':' || {cancelled_flag}, '-'), ';',
    COALESCE(LENGTH({returned_flag}) || ':' || {returned_flag}, '-'), ';',
    COALESCE(LENGTH({order_id}) || ':' || {order_id}, '-'), ';',
    COALESCE({product_gmv_amount}::text, '-'), ';',
    COALESCE(LENGTH({marketplace_product_id}) || ':' || {marketplace_product_id}, '-'), ';',
    COALESCE(LENGTH({marketplace_variant_id}) || ':' || {marketplace_variant_id}, '-'), ';',
    COALESCE(
        LENGTH({marketplace_product_barcode}) || ':' || {marketplace_product_barcode}, '-'
    ), ';',
    COALESCE(
        LENGTH({order_shipping_fee_buyer_amount}) || ':'
        || {order_shipping_fee_buyer_amount}, '-'
    )), 'UTF8'))
