"""Whether a started Redash works, through its REST API: health probes do not tell.

A server with a wrong key, an old schema or no worker answers its probe and lists queries. So each
thing that people do is done once: data sources answer, a query runs to its end, a dashboard opens,
a new query is saved and found, and is still there after a restart.
"""

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from rfm_platform.bi_database.results import Finding
from rfm_platform.postgres import Database
from rfm_platform.redash import Redash, RedashError

QUERY_NAME = "rfm_platform smoke test"


def smoke_test(redash: Redash, notes: Path, *, after_restart: bool = False) -> list[Finding]:
    """Does what people do, once.

    Args:
        redash: the server.
        notes: a file that remembers the saved query until after a restart.
        after_restart: looks whether that query is still there, and archives it, instead.
    """
    if after_restart:
        return [_try("kept after a restart", lambda: _still_there(redash, notes))]
    findings = [_try("API key", lambda: _signed_in(redash))]
    if findings[0].state == "failed":
        return findings
    _forget_earlier(redash, notes)
    findings += _data_sources(redash)
    findings.append(_try("dashboards", lambda: _dashboard(redash)))
    findings.append(_try("a query runs", lambda: _saved_query(redash, notes)))
    findings.append(_try("search", lambda: _found(redash, notes)))
    return findings


def look_for_saved(database: Database, notes: Path) -> Finding | None:
    """Whether the query that a test saved lies in a database; None: it saved none.

    Its number alone does not tell: the source's sequence gives the same ones as the target's.

    Raises:
        DatabaseError: the database cannot be reached, or is not Redash's.
    """
    if not notes.exists():
        return None
    noted = json.loads(notes.read_text("utf-8"))
    with database.connect(read_only=True) as connection:
        found = connection.execute(
            "SELECT id FROM public.queries WHERE id = %s AND name = %s AND description = %s",
            [noted["query"], QUERY_NAME, noted["description"]],
        ).fetchone()
    if found is None:
        return Finding(
            name="database",
            state="failed",
            text=f"Query {noted['query']}, which was just saved, is not in {database.label}: "
            "RFM_REDASH_URL is a server on another database, and what was tried there proves "
            "nothing. Set it to the Redash that was started on the moved database, or set that "
            "server's REDASH_DATABASE_URL.",
        )
    return Finding(
        name="database", state="passed", text=f"What it saves is saved in {database.label}."
    )


def _try(name: str, step: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, state="passed", text=step())
    except RedashError as error:
        return Finding(name=name, state="failed", text=str(error))


def _signed_in(redash: Redash) -> str:
    listed = redash.call("GET", "queries?page_size=1")
    return f"{listed['count']} queries are listed."


def _data_sources(redash: Redash) -> list[Finding]:
    try:
        sources = redash.call("GET", "data_sources")
    except RedashError as error:
        return [Finding(name="data sources", state="failed", text=str(error))]
    return [
        _try(
            f"data source {each['id']} ({each['name']})",
            partial(_data_source_answers, redash, each["id"]),
        )
        for each in sources
    ]


def _data_source_answers(redash: Redash, number: int) -> str:
    redash.call("GET", f"data_sources/{number}")
    answer = redash.call("POST", f"data_sources/{number}/test", json={})
    if not answer["ok"]:
        raise RedashError(f"it does not answer: {str(answer.get('message'))[:200]}")
    return "It answers."


def _dashboard(redash: Redash) -> str:
    listed = redash.call("GET", "dashboards?page_size=1")["results"]
    if not listed:
        return "There is none."
    opened = redash.call("GET", f"dashboards/{listed[0]['id']}")
    return f"Dashboard {opened['id']} opens with {len(opened['widgets'])} widgets."


def _saved_query(redash: Redash, notes: Path) -> str:
    source = _working_source(redash)
    description = f"Proves that queries are saved and run; archived afterwards. {uuid.uuid4().hex}"
    query = redash.call(
        "POST",
        "queries",
        json={
            "name": QUERY_NAME,
            "query": "SELECT 1 AS one",
            "data_source_id": source,
            "description": description,
            "schedule": None,
            "options": {"parameters": []},
        },
    )
    notes.parent.mkdir(parents=True, exist_ok=True)
    noted = {"query": query["id"], "description": description}
    notes.write_text(json.dumps(noted), encoding="utf-8")
    published = {"is_draft": False, "version": query["version"]}
    redash.call("POST", f"queries/{query['id']}", json=published)
    rows = redash.result(redash.run(query["id"]))["rows"]
    if rows != [{"one": 1}]:
        raise RedashError(f"SELECT 1 gave {len(rows)} rows that are not 1")
    return f"Query {query['id']} was saved and ran to its end."


def _forget_earlier(redash: Redash, notes: Path) -> None:
    """Archives what a test saved that was not taken to its end."""
    if (earlier := _saved(notes)) is not None:
        with suppress(RedashError):  # it may be gone
            # On another server a person's query may have that number.
            if redash.call("GET", f"queries/{earlier}")["name"] == QUERY_NAME:
                redash.call("DELETE", f"queries/{earlier}")
        notes.unlink()


def _working_source(redash: Redash) -> int:
    for source in redash.call("GET", "data_sources"):
        if redash.call("POST", f"data_sources/{source['id']}/test", json={})["ok"]:
            return int(source["id"])
    raise RedashError("no data source answers, so no query can run")


def _found(redash: Redash, notes: Path) -> str:
    saved = _saved(notes)
    if saved is None:
        raise RedashError("no query was saved that could be searched")
    found = redash.call("GET", f"queries?q={QUERY_NAME.replace(' ', '+')}&page_size=25")["results"]
    if not any(query["id"] == saved for query in found):
        raise RedashError(
            "a query that was just saved is not found: is queries_search_vector_trigger enabled?"
        )
    return "A query that was just saved is found."


def _still_there(redash: Redash, notes: Path) -> str:
    query = _saved(notes)
    if query is None:
        raise RedashError("run `rfm bi smoke` before the restart first")
    redash.call("GET", f"queries/{query}")
    redash.call("DELETE", f"queries/{query}")  # archives it
    notes.unlink()
    return f"Query {query} is still there; it is archived now."


def _saved(notes: Path) -> int | None:
    """The query that the notes tell of."""
    return json.loads(notes.read_text("utf-8"))["query"] if notes.exists() else None
