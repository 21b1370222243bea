(SELECT MAX({column})::bigint FROM {table})
