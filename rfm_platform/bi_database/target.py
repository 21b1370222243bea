"""The database that a dump is restored into: is it fit for that, is it empty, and emptying it."""

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.results import Finding
from rfm_platform.bi_database.state import major, read_sql
from rfm_platform.postgres import Database, DatabaseError

# Hosts to which a connection does not leave this machine.
LOCAL = ("", "localhost", "127.0.0.1", "::1")
# A server lists a session for a moment after its client has left: so often it is asked again.
FAREWELLS = 8


def examine(target: Database, manifest: Manifest, *, replace: bool) -> list[Finding]:
    """Looks whether a dump can be restored into a database; changes nothing.

    Args:
        target: the database.
        manifest: of the dump.
        replace: whether it may hold something, which would be removed.
    """
    try:
        parameters = target.conninfo()
        with target.connect(read_only=True) as connection:
            facts = _facts(connection)
            contents = _one(connection, "contents")
            extensions = _rows(connection, "target_extensions")
    except DatabaseError as error:
        return [Finding(name="connection", state="failed", text=str(error))]
    return [
        Finding(name="connection", state="passed", text=f"{target.label}, {facts['version']}"),
        _release(facts, manifest),
        _encryption(facts, parameters),
        _ownership(facts),
        _emptiness(contents, replace=replace),
        _others(facts),
        _encoding(facts, manifest),
        _extensions(extensions, facts, manifest),
        Finding(
            name="disk",
            state="unknown",
            text=f"The target needs about {manifest.state.bytes * 1.2 / 1e9:.2f} GB free; "
            "a server does not tell how much it has.",
        ),
    ]


def _facts(connection: psycopg.Connection) -> dict[str, Any]:
    """What the target is and who else is there, once those who have just left are gone."""
    facts = _one(connection, "target")
    for _ in range(FAREWELLS):
        if not facts["other_sessions"]:
            break
        time.sleep(0.25)  # a server tells nobody when a session ends: it has to be asked again
        connection.rollback()  # within a transaction it would tell the same again
        facts = _one(connection, "target")
    return facts


def _finding(name: str, problem: str | None, fine: str) -> Finding:
    return Finding(name=name, state="failed" if problem else "passed", text=problem or fine)


def _release(facts: Mapping[str, Any], manifest: Manifest) -> Finding:
    target, source = major(facts["version_number"]), manifest.state.major_version
    problem = None
    if target < source:
        problem = (
            f"The target is PostgreSQL {target}, the source {source}: a dump of a newer server "
            f"does not fit into an older one. Take a target of {source} or later."
        )
    return _finding("release", problem, f"PostgreSQL {source} into {target}.")


def _encryption(facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> Finding:
    if facts["cipher"]:
        return _finding("TLS", None, f"Encrypted: {facts['tls']}, {facts['cipher']}.")
    host = str(parameters.get("host") or "")
    if host in LOCAL or host.startswith("/"):
        return _finding("TLS", None, "The connection does not leave this machine.")
    return _finding(
        "TLS",
        "The connection is not encrypted: add sslmode=verify-full and sslrootcert to the "
        "target's URL.",
        "",
    )


def _ownership(facts: Mapping[str, Any]) -> Finding:
    problem = None
    if not facts["may_create"]:
        problem = (
            f"The role {facts['role']} may not create tables there, the database's owner is "
            f'{facts["owner"]}: ALTER DATABASE "{facts["name"]}" OWNER TO "{facts["role"]}".'
        )
    return _finding("ownership", problem, f"{facts['role']} may create everything.")


def _emptiness(contents: Mapping[str, Any], *, replace: bool) -> Finding:
    held = ", ".join(f"{count} {kind}" for kind, count in contents.items() if count)
    if held and not replace:
        return _finding(
            "empty",
            f"The target is not empty ({held}). If the application created them when it was "
            "started too early, or nothing there is needed: restore with --replace, which removes "
            "everything in it first.",
            "",
        )
    return _finding("empty", None, f"Will be removed first: {held}." if held else "It is empty.")


def _others(facts: Mapping[str, Any]) -> Finding:
    count = facts["other_sessions"]
    problem = None
    if count:
        problem = (
            f"{count} other sessions are connected to the target ({facts['other_applications']}): "
            "stop the application until the restore is verified."
        )
    return _finding("sessions", problem, "Nobody else is connected.")


def _encoding(facts: Mapping[str, Any], manifest: Manifest) -> Finding:
    source = manifest.state
    problem = None
    if facts["encoding"] != source.encoding:
        problem = (
            f"The target's encoding is {facts['encoding']}, the source's {source.encoding}: create "
            f"the database anew with ENCODING '{source.encoding}' TEMPLATE template0."
        )
    fine = f"{source.encoding}, sorted by {facts['collation']}."
    if facts["collation"] != source.collation:
        fine = (
            f"{source.encoding}. The source sorts text by {source.collation}, the target by "
            f"{facts['collation']}: the order of lists may change, the data does not."
        )
    return _finding("encoding", problem, fine)


def _extensions(
    found: list[dict[str, Any]], facts: Mapping[str, Any], manifest: Manifest
) -> Finding:
    available = {row["name"]: row for row in found}
    needed = sorted(manifest.state.sections["extensions"])
    missing = [name for name in needed if name not in available]
    closed = [
        name
        for name in needed
        if name in available
        and not (available[name]["is_installed"] or available[name]["is_trusted"])
        and not facts["is_superuser"]
    ]
    problems = []
    if missing:
        problems.append(f"not available there: {', '.join(missing)}; install them on the server")
    if closed:
        problems.append(
            f"only a superuser may create {', '.join(closed)}: let an administrator run "
            "CREATE EXTENSION in the target database first"
        )
    text = f"Extensions {'; '.join(problems)}." if problems else None
    return _finding("extensions", text, f"All there: {', '.join(needed) or 'none needed'}.")


def empty(target: Database) -> None:
    """Removes everything that a database holds, and leaves the database and its schema public.

    Raises:
        DatabaseError: something cannot be removed, for example because another role owns it.
    """
    with target.connect() as connection:
        connection.autocommit = True
        # An object may go with another one that is dropped before it.
        for _ in range(3):
            statements = [row["statement"] for row in _rows(connection, "removals")]
            if not statements:
                return
            for statement in statements:
                connection.execute(statement.encode())


def contents(target: Database) -> dict[str, int]:
    """How much a database holds, by kind; nothing where there is nothing."""
    with target.connect(read_only=True) as connection:
        return {kind: count for kind, count in _one(connection, "contents").items() if count}


def is_ours(target: Database, mark: str) -> bool:
    """Whether a database carries a mark that `mark_as_ours` wrote."""
    with target.connect(read_only=True) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database "
            "WHERE datname = current_database()"
        ).fetchone()
    return found is not None and found[0] == mark


def mark_as_ours(target: Database, mark: str) -> None:
    """Writes a mark on a database, as its comment."""
    with target.connect() as connection:
        name = connection.info.dbname
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(mark))
        )


def _one(connection: psycopg.Connection, name: str) -> dict[str, Any]:
    (row,) = _rows(connection, name)
    return row


def _rows(connection: psycopg.Connection, name: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(read_sql(name).encode()).fetchall()
