SELECT id, encrypted_options AS token FROM {table} ORDER BY id
