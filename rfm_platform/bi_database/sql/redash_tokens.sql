-- Through JSON: before 10.0 alert destinations have no such column, and nothing to open.
SELECT o.id, to_jsonb(o) ->> 'encrypted_options' AS token FROM {table} AS o ORDER BY o.id
