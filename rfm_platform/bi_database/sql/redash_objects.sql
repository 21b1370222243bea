-- Through JSON: releases differ in which of the columns there are.
SELECT
    COUNT(*) AS total,
    COUNT(*) FILTER (WHERE to_jsonb(o) ->> 'is_archived' = 'true') AS archived,
    COUNT(*) FILTER (WHERE to_jsonb(o) ->> 'is_draft' = 'true') AS drafts
FROM {table} AS o
