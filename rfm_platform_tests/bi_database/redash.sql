-- A metadata database of Redash's shape: its tables, keys, sequences, the search's functions and
-- trigger. The columns are those that the move depends on, and a few of each type beside.
CREATE TYPE tsq_state AS (
    search_query text, parentheses_stack int, skip_for int, current_token text,
    current_index int, current_char text, previous_char text, tokens text[]
);

CREATE FUNCTION array_nremove(anyarray, anyelement, int) RETURNS anyarray LANGUAGE sql IMMUTABLE
    AS $$ SELECT array_remove($1, $2) $$;
CREATE FUNCTION tsq_append_current_token(state tsq_state) RETURNS tsq_state LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN state.tokens := state.tokens || state.current_token; RETURN state; END $$;
CREATE FUNCTION tsq_tokenize_character(state tsq_state) RETURNS tsq_state LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN RETURN tsq_append_current_token(state); END $$;
CREATE FUNCTION tsq_tokenize(search_query text) RETURNS text[] LANGUAGE sql STABLE
    AS $$ SELECT regexp_split_to_array(search_query, '\s+') $$;
CREATE FUNCTION tsq_process_tokens(config regconfig, tokens text[]) RETURNS tsquery LANGUAGE sql STABLE
    AS $$ SELECT plainto_tsquery(config, array_to_string(tokens, ' ')) $$;
CREATE FUNCTION tsq_process_tokens(tokens text[]) RETURNS tsquery LANGUAGE sql STABLE
    AS $$ SELECT tsq_process_tokens(get_current_ts_config(), tokens) $$;
CREATE FUNCTION tsq_parse(config regconfig, search_query text) RETURNS tsquery LANGUAGE sql STABLE
    AS $$ SELECT tsq_process_tokens(config, tsq_tokenize(search_query)) $$;
CREATE FUNCTION tsq_parse(search_query text) RETURNS tsquery LANGUAGE sql STABLE
    AS $$ SELECT tsq_parse(get_current_ts_config(), search_query) $$;
CREATE FUNCTION tsq_parse(config text, search_query text) RETURNS tsquery LANGUAGE sql STABLE
    AS $$ SELECT tsq_parse(config::regconfig, search_query) $$;

CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE TABLE organizations (
    id serial PRIMARY KEY, name varchar(255) NOT NULL, slug varchar(255) UNIQUE, settings text,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE groups (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations, name varchar(100) NOT NULL,
    type varchar(255) NOT NULL, permissions varchar(255)[], created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE users (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations, name varchar(320) NOT NULL,
    email varchar(255) NOT NULL, groups int[], api_key varchar(40) NOT NULL UNIQUE,
    password_hash varchar(128), details json DEFAULT '{}', disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_org_id_email ON users (org_id, email);
CREATE TABLE data_sources (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations, name varchar(255) NOT NULL,
    type varchar(255) NOT NULL, encrypted_options bytea NOT NULL, queue_name varchar(255),
    scheduled_queue_name varchar(255), created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX data_sources_org_id_name ON data_sources (org_id, name);
CREATE TABLE data_source_groups (
    id serial PRIMARY KEY, data_source_id int NOT NULL REFERENCES data_sources,
    group_id int NOT NULL REFERENCES groups, view_only boolean
);
CREATE TABLE notification_destinations (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations,
    user_id int NOT NULL REFERENCES users, name varchar(255) NOT NULL, type varchar(255) NOT NULL,
    encrypted_options bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX notification_destinations_org_id_name ON notification_destinations (org_id, name);
CREATE TABLE query_results (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations,
    data_source_id int NOT NULL REFERENCES data_sources, query_hash varchar(32) NOT NULL,
    query text NOT NULL, data text, runtime double precision NOT NULL,
    retrieved_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_query_results_query_hash ON query_results (query_hash);
CREATE TABLE queries (
    id serial PRIMARY KEY, version int NOT NULL, org_id int NOT NULL REFERENCES organizations,
    data_source_id int REFERENCES data_sources, latest_query_data_id int REFERENCES query_results,
    name varchar(255) NOT NULL, description varchar(4096), query text NOT NULL,
    query_hash varchar(32) NOT NULL, api_key varchar(40) NOT NULL,
    user_id int NOT NULL REFERENCES users, last_modified_by_id int REFERENCES users,
    is_archived boolean NOT NULL DEFAULT FALSE, is_draft boolean NOT NULL DEFAULT TRUE,
    schedule text, schedule_failures int NOT NULL DEFAULT 0, options text, search_vector tsvector,
    tags varchar[], created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_queries_search_vector ON queries USING gin (search_vector);
CREATE INDEX ix_queries_is_archived ON queries (is_archived);
CREATE FUNCTION queries_search_vector_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search_vector = setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.name, '')), 'A')
        || setweight(to_tsvector('pg_catalog.simple', COALESCE(NEW.query, '')), 'D');
    RETURN NEW;
END $$;
CREATE TRIGGER queries_search_vector_trigger BEFORE INSERT OR UPDATE ON queries
    FOR EACH ROW EXECUTE FUNCTION queries_search_vector_update();
CREATE TABLE visualizations (
    id serial PRIMARY KEY, type varchar(100) NOT NULL, query_id int NOT NULL REFERENCES queries,
    name varchar(255) NOT NULL, description varchar(4096), options text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE dashboards (
    id serial PRIMARY KEY, version int NOT NULL, org_id int NOT NULL REFERENCES organizations,
    slug varchar(140) NOT NULL, name varchar(100) NOT NULL, user_id int NOT NULL REFERENCES users,
    layout text NOT NULL, is_archived boolean NOT NULL DEFAULT FALSE,
    is_draft boolean NOT NULL DEFAULT TRUE, tags varchar[], options json DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_dashboards_slug ON dashboards (slug);
CREATE TABLE widgets (
    id serial PRIMARY KEY, visualization_id int REFERENCES visualizations, text text,
    width int NOT NULL, options text NOT NULL, dashboard_id int NOT NULL REFERENCES dashboards,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE alerts (
    id serial PRIMARY KEY, name varchar(255) NOT NULL, query_id int NOT NULL REFERENCES queries,
    user_id int NOT NULL REFERENCES users, options text NOT NULL, state varchar(255) NOT NULL,
    last_triggered_at timestamptz, rearm int, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE alert_subscriptions (
    id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users,
    destination_id int REFERENCES notification_destinations, alert_id int NOT NULL REFERENCES alerts
);
CREATE TABLE access_permissions (
    id serial PRIMARY KEY, object_type varchar(255) NOT NULL, object_id int NOT NULL,
    access_type varchar(255) NOT NULL, grantor_id int NOT NULL REFERENCES users,
    grantee_id int NOT NULL REFERENCES users
);
CREATE TABLE api_keys (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations, api_key varchar(255) NOT NULL,
    active boolean NOT NULL, object_type varchar(255) NOT NULL, object_id int NOT NULL,
    created_by_id int REFERENCES users
);
CREATE TABLE changes (
    id serial PRIMARY KEY, object_type varchar(255) NOT NULL, object_id int NOT NULL,
    object_version int NOT NULL, user_id int NOT NULL REFERENCES users, change text NOT NULL
);
CREATE TABLE events (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations, user_id int REFERENCES users,
    action varchar(255) NOT NULL, object_type varchar(255), object_id varchar(255),
    additional_properties text, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE favorites (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations,
    object_type varchar(255) NOT NULL, object_id int NOT NULL, user_id int NOT NULL REFERENCES users,
    CONSTRAINT unique_favorite UNIQUE (org_id, object_type, object_id, user_id)
);
CREATE TABLE query_snippets (
    id serial PRIMARY KEY, org_id int NOT NULL REFERENCES organizations,
    trigger varchar(255) NOT NULL UNIQUE, description text NOT NULL, snippet text NOT NULL,
    user_id int NOT NULL REFERENCES users
);
