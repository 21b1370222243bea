-- The last number in the sequence's direction; what no sequence can give (NaN, infinity) is none.
(
    SELECT trunc({aggregate}({column})::numeric) FROM {table}
    WHERE {column}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
)
