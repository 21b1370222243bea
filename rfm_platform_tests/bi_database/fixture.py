"""A database of Redash's shape, filled; and what it leaves out, for the verification to find."""

import base64
import hashlib
from importlib import resources

import psycopg
from cryptography.fernet import Fernet

SECRET = "the key that opens the rows"  # noqa: S105 - of this fixture
COOKIE = "signs the sessions"
HEAD = "db0aca1ebd32"
NEWEST_REDASH = "26.8.0"

# What a database of any application may hold beside Redash's tables.
EVERYTHING_ELSE = """
    CREATE SCHEMA extra;
    CREATE TABLE extra.numbers (
        id int PRIMARY KEY, amount numeric, share double precision, at timestamptz, note text
    );
    INSERT INTO extra.numbers
        SELECT n, n * 1.5, n / 7.0, '2024-03-01 00:00+00'::timestamptz + n * interval '1 hour',
            CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE E'tab\\t, "quote", \\\\N, 😀\\n' END
        FROM generate_series(1, 500) AS n;
    CREATE TABLE extra.without_key (word text, times int);
    INSERT INTO extra.without_key SELECT 'word ' || n % 50, n FROM generate_series(1, 200) AS n;
    CREATE UNLOGGED TABLE extra.scratch (id int);
    INSERT INTO extra.scratch VALUES (1), (2);
    CREATE TABLE extra.parts (day date NOT NULL, value int) PARTITION BY RANGE (day);
    CREATE TABLE extra.parts_2024 PARTITION OF extra.parts
        FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    INSERT INTO extra.parts SELECT '2024-01-01'::date + n, n FROM generate_series(0, 100) AS n;
    CREATE VIEW extra.totals AS SELECT note, SUM(amount) AS amount FROM extra.numbers GROUP BY note;
    CREATE MATERIALIZED VIEW extra.heavy AS SELECT id, share FROM extra.numbers WHERE id % 2 = 0;
    CREATE TYPE extra.mood AS ENUM ('glad', 'sad');
    CREATE DOMAIN extra.percent AS int CHECK (VALUE BETWEEN 0 AND 100);
    COMMENT ON TABLE extra.numbers IS 'What is counted';
    COMMENT ON COLUMN extra.numbers.share IS 'Of a seventh';
    SELECT lo_from_bytea(0, 'a large object'::bytea);
"""


def box(secret: str) -> Fernet:
    """How Redash encrypts with a secret, written from its definition."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))


def fill(connection: psycopg.Connection, size: int = 300, secret: str = SECRET) -> None:
    """Creates the schema and so many queries, with what belongs to them."""
    schema = resources.files(__package__).joinpath("redash.sql").read_text("utf-8")
    connection.execute(schema.encode())
    connection.execute(EVERYTHING_ELSE.encode())
    options = [
        box(secret).encrypt(f'{{"host": "mart-{n}", "password": "p{n}"}}'.encode())
        for n in range(8)
    ]
    statements = """
        INSERT INTO organizations (name, slug) VALUES ('Company', 'default');
        INSERT INTO groups (org_id, name, type)
            VALUES (1, 'admin', 'builtin'), (1, 'default', 'builtin');
        INSERT INTO users (org_id, name, email, groups, api_key)
            SELECT 1, 'Person ' || n, 'person' || n || '@example.com', '{1,2}', md5(n::text)
            FROM generate_series(1, 20) AS n;
        INSERT INTO data_source_groups (data_source_id, group_id)
            SELECT n, 2 FROM generate_series(1, 5) AS n;
        INSERT INTO query_results (org_id, data_source_id, query_hash, query, data, runtime)
            SELECT 1, n % 5 + 1, md5(n::text), 'SELECT ' || n, repeat(md5(n::text), 20), n / 13.0
            FROM generate_series(1, :size) AS n;
        INSERT INTO queries (version, org_id, data_source_id, latest_query_data_id, name, query,
            query_hash, api_key, user_id, is_archived, is_draft, tags)
            SELECT 1, 1, n % 5 + 1, n, 'Orders of shop ' || n, 'SELECT * FROM orders_' || n,
                md5(n::text), md5('k' || n), n % 20 + 1, n % 10 = 0, n % 4 = 0, '{orders}'
            FROM generate_series(1, :size) AS n;
        INSERT INTO visualizations (type, query_id, name, options)
            SELECT 'TABLE', n % :size + 1, 'Table', '{}' FROM generate_series(1, 2 * :size) AS n;
        INSERT INTO dashboards (version, org_id, slug, name, user_id, layout, is_archived, is_draft)
            SELECT 1, 1, 'd' || n, 'Dashboard ' || n, n % 20 + 1, '[]', n % 7 = 0, n % 5 = 0
            FROM generate_series(1, :size / 5) AS n;
        INSERT INTO widgets (visualization_id, width, options, dashboard_id)
            SELECT n, 1, '{}', n % (:size / 5) + 1 FROM generate_series(1, :size) AS n;
        INSERT INTO alerts (name, query_id, user_id, options, state)
            SELECT 'Alert ' || n, n, 1, '{}', 'ok' FROM generate_series(1, 12) AS n;
        INSERT INTO alert_subscriptions (user_id, destination_id, alert_id)
            SELECT 1, n % 3 + 1, n FROM generate_series(1, 12) AS n;
        INSERT INTO events (org_id, user_id, action, object_type)
            SELECT 1, n % 20 + 1, 'view', 'query' FROM generate_series(1, 10 * :size) AS n;
        INSERT INTO favorites (org_id, object_type, object_id, user_id)
            SELECT 1, 'Query', n, 1 FROM generate_series(1, 15) AS n;
        INSERT INTO query_snippets (org_id, trigger, description, snippet, user_id)
            SELECT 1, 't' || n, '', 'SELECT', 1 FROM generate_series(1, 5) AS n;
        INSERT INTO changes (object_type, object_id, object_version, user_id, change)
            SELECT 'queries', n, 1, 1, '{}' FROM generate_series(1, :size) AS n;
        INSERT INTO api_keys (org_id, api_key, active, object_type, object_id)
            SELECT 1, md5('d' || n), TRUE, 'Dashboard', n FROM generate_series(1, 5) AS n;
    """
    sources = """
        INSERT INTO data_sources (org_id, name, type, encrypted_options) VALUES (1, %s, 'pg', %s)
    """
    destinations = """
        INSERT INTO notification_destinations (org_id, user_id, name, type, encrypted_options)
        VALUES (1, 1, %s, 'email', %s)
    """
    connection.execute("INSERT INTO alembic_version VALUES (%s)", [HEAD])
    for number, statement in enumerate(statements.split(";")[:-1]):
        connection.execute(statement.replace(":size", str(size)).encode())
        if number == 2:  # organizations and users are there
            for n, option in enumerate(options[:5]):
                connection.execute(sources, [f"Mart {n}", option])
            for n, option in enumerate(options[5:]):
                connection.execute(destinations, [f"Mail {n}", option])
