-- How a database sorts and compares text. Through JSON: releases differ in which columns there are.
SELECT
    pg_encoding_to_char(d.encoding) AS encoding,
    d.datcollate AS collation,
    d.datctype AS character_type,
    concat_ws(
        ' ',
        CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'ICU' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
        COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
        to_jsonb(d) ->> 'daticurules'
    ) AS locale
FROM pg_database AS d
WHERE d.datname = current_database()
