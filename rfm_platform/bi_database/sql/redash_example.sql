-- The newest object, by what says nothing of a person and holds no secret.
SELECT o.id, facts.*
FROM {table} AS o
CROSS JOIN LATERAL (
    SELECT
        to_jsonb(o) ->> 'type' AS type,
        to_jsonb(o) ->> 'created_at' AS created_at,
        to_jsonb(o) ->> 'version' AS version,
        to_jsonb(o) ->> 'is_archived' AS is_archived,
        to_jsonb(o) ->> 'is_draft' AS is_draft,
        to_jsonb(o) ->> 'query_id' AS query_id,
        to_jsonb(o) ->> 'data_source_id' AS data_source_id,
        to_jsonb(o) ->> 'dashboard_id' AS dashboard_id,
        md5(o::text) AS content
) AS facts
ORDER BY o.id DESC
LIMIT 1
