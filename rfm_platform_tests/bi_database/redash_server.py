"""A server with the part of Redash's REST API that the smoke test calls, over a real database.

It answers as a running Redash was seen to: 404 to a wrong key, 500 where encrypted options cannot
be read; without a worker no answer about a data source, and jobs that stay queued. Queries are
saved into the metadata database, so that its trigger and its sequence are the real ones.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from cryptography.fernet import InvalidToken

from rfm_platform.postgres import Database
from rfm_platform_tests.bi_database.fixture import box
from rfm_platform_tests.redash_http import Answer, Asked, serving

PATIENCE = 1.5  # seconds without a worker; a real one has much more


@dataclass
class RedashServer:
    """Its address, and what is wrong with it: a silent source does not answer."""

    database: Database
    secret: str
    url: str = ""
    has_worker: bool = True
    silent_source: str | None = "2"


@contextmanager
def redash_server(database: Database, secret: str) -> Iterator[RedashServer]:
    """Starts one."""
    server = RedashServer(database, secret)

    def answer(method: str, words: list[str], asked: Asked, body: Any) -> Any:
        with server.database.connect() as connection:
            return _route(server, connection, method, words, asked, body)

    with serving(answer) as server.url:
        yield server


def _route(  # noqa: PLR0911, PLR0917 - an answer a path; the parts of a request
    server: RedashServer,
    connection: psycopg.Connection,
    method: str,
    words: list[str],
    asked: Asked,
    body: Any,
) -> Any:
    if words[0] == "data_sources":
        return _data_sources(server, connection, words)
    if words[0] == "dashboards":
        if len(words) == 1:
            return {"results": _rows(connection, "SELECT id, name FROM dashboards LIMIT 1")}
        return {"id": int(words[1]), "widgets": _rows(connection, "SELECT id FROM widgets LIMIT 3")}
    if words[0] == "queries":
        return _queries(server, connection, method, words, asked, body)
    if words[0] == "jobs":
        if method == "DELETE":
            return None
        done = {"id": words[1], "status": 3, "query_result_id": 1}
        return {"job": done if server.has_worker else {"id": words[1], "status": 1}}
    if words[0] == "query_results":
        return {"query_result": {"data": {"rows": [{"one": 1}]}}}
    raise Answer(404, {"message": "Not found"})


def _data_sources(server: RedashServer, connection: psycopg.Connection, words: list[str]) -> Any:
    rows = connection.execute(
        "SELECT id, name, encrypted_options FROM data_sources ORDER BY id"
    ).fetchall()
    for _, _, token in rows:
        try:
            box(server.secret).decrypt(bytes(token))
        except InvalidToken:
            raise Answer(500, {"message": "Internal Server Error"}) from None
    if len(words) == 3:
        if not server.has_worker:
            time.sleep(PATIENCE)  # the worker is to try it
        return {"ok": words[1] != server.silent_source, "message": "connection refused"}
    return [{"id": number, "name": name} for number, name, _ in rows]


def _queries(  # noqa: PLR0917 - the parts of a request
    server: RedashServer,
    connection: psycopg.Connection,
    method: str,
    words: list[str],
    asked: Asked,
    body: Any,
) -> Any:
    if len(words) == 3:
        return {"job": {"id": "job-1", "status": 1}}
    if len(words) == 2:
        found = _rows(
            connection,
            "SELECT id, name, version FROM queries WHERE id = %s AND NOT is_archived",
            words[1],
        )
        if not found:
            raise Answer(404, {"message": "Not found"})
        if method == "DELETE":
            connection.execute("UPDATE queries SET is_archived = TRUE WHERE id = %s", [words[1]])
        return found[0]
    if method == "POST":
        (saved,) = _rows(
            connection,
            "INSERT INTO queries (version, org_id, data_source_id, name, description, query, "
            "query_hash, api_key, user_id) VALUES (1, 1, %s, %s, %s, %s, '', '', 1) "
            "RETURNING id, version",
            body["data_source_id"],
            body["name"],
            body["description"],
            body["query"],
        )
        return saved
    if "q" in asked:
        found = _rows(
            connection,
            "SELECT id, name FROM queries WHERE search_vector @@ plainto_tsquery('simple', %s)",
            asked["q"][0],
        )
        return {"results": found}
    (count,) = _rows(connection, "SELECT COUNT(*) AS count FROM queries")
    return {**count, "results": []}


def _rows(connection: psycopg.Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(query.encode(), values or None).fetchall()
