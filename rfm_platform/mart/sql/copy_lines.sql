-- The order lines of some days, columns in the catalogue's order, each with its hash.
COPY (
    SELECT
        {marketplace},
        {shop_id},
        {shop_name},
        {user_id},
        {magpie_region_code},
        {kurs_rate},
        {created_local},
        {cancelled_flag},
        {returned_flag},
        {order_id},
        {product_gmv_amount},
        {marketplace_product_id},
        {marketplace_variant_id},
        {marketplace_product_barcode},
        {order_shipping_fee_buyer_amount},
        {line_hash}
    FROM {lines} AS l
    WHERE {created} >= {first} AND {created} < {after}
      AND {created_local}::date = ANY(%(days)s)
      AND {its_own}
) TO STDOUT (FORMAT csv, NULL '\N')
