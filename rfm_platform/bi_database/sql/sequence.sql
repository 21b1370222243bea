-- What a sequence gives next, and how it counts. As numeric: beyond the last number no bigint is left.
SELECT
    {number} AS number,
    s.last_value::numeric + CASE WHEN s.is_called THEN p.increment ELSE 0 END AS next_value,
    p.increment AS increment,
    concat_ws(
        ' ',
        'AS ' || COALESCE((to_jsonb(p) ->> 'data_type')::oid::regtype::text, 'bigint'),
        'START ' || p.start_value,
        'INCREMENT ' || p.increment,
        'MINVALUE ' || p.minimum_value,
        'MAXVALUE ' || p.maximum_value,
        CASE WHEN p.cycle_option THEN 'CYCLE' END
    ) AS definition,
    {farthest} AS farthest
FROM {sequence} AS s
CROSS JOIN pg_sequence_parameters({oid}) AS p
