-- Version numbers follow the server: what must be there is the extension.
SELECT e.extname AS object, 'installed' AS definition
FROM pg_extension AS e
