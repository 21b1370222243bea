-- A line's columns in one text, unambiguous, so that two sides can compare lines; in UTF-8, whatever
-- the mart's encoding is.
MD5(CONVERT_TO(CONCAT(
    {marketplace_told}, ';',
    {shop_id_told}, ';',
    {shop_name_told}, ';',
    {user_id_told}, ';',
    {magpie_region_code_told}, ';',
    COALESCE({kurs_rate}::text, '-'), ';',
    TO_CHAR({created_local}, 'YYYY-MM-DD HH24:MI:SS.US'), ';',
    {cancelled_flag_told}, ';',
    {returned_flag_told}, ';',
    {order_id_told}, ';',
    COALESCE({product_gmv_amount}::text, '-'), ';',
    {marketplace_product_id_told}, ';',
    {marketplace_variant_id_told}, ';',
    {marketplace_product_barcode_told}, ';',
    {order_shipping_fee_buyer_amount_told}), 'UTF8'))
