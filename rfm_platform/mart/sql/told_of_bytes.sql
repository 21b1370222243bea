-- Likewise where PostgreSQL knows no characters (SQL_ASCII): those of UTF-8.
COALESCE(LENGTH(CONVERT_TO({text}, 'UTF8'), 'UTF8') || ':' || {text}, '-')
