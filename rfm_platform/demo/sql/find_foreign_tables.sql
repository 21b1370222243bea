SELECT n.nspname || '.' || c.relname AS name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'public'
    AND c.relname IN ('flatten_order_marketplace', 'order_marketplace')
    AND obj_description(c.oid, 'pg_class') IS DISTINCT FROM 'Demo data: every load drops it.'
ORDER BY name;
