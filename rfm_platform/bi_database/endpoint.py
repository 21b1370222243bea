"""Reaching a PostgreSQL server: by URL, or by a command that runs programs where the server is.

A container on an old server often publishes no port. Then ``ssh host docker exec -i name`` runs
psql and pg_dump inside it, and everything streams out: nothing is written there. Both ways give
the same session: one read-only snapshot, under settings that make text forms comparable.
"""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, Protocol

import psycopg
from psycopg import sql

from rfm_platform.bi_database.command_label import label_of
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.limits import LOCK_ADVICE, LOCK_SECONDS
from rfm_platform.bi_database.tools import stream
from rfm_platform.postgres import Database, DatabaseError
from rfm_platform.postgres.limits import LIFT_IDLE_LIMITS

# Text forms, and with them content hashes, must not depend on how a server is configured.
PINNED = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "statement_timeout": "0",
    # Whoever waits longer for a table holds up those who wait for what the snapshot has locked.
    "lock_timeout": f"{LOCK_SECONDS}s",
    "search_path": "",
    "row_security": "off",  # an error rather than a part of the rows
}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SNAPSHOT = re.compile(r"[0-9A-Fa-f-]+")
MESSAGE_LINES = 6


class Session(Protocol):
    """One read-only snapshot of a database."""

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, each by its columns' names, values as JSON has them."""

    def export_snapshot(self) -> str:
        """The snapshot's name, under which pg_dump sees the same rows."""


@dataclass(frozen=True)
class UrlEndpoint:
    """A server that this machine reaches."""

    database: Database

    @property
    def label(self) -> str:
        return self.database.label

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A read-only snapshot.

        Raises:
            DatabaseError: the server cannot be reached or refuses a query.
        """
        with self.database.connect(read_only=True) as connection:
            pin_settings(connection)
            yield _Connection(connection)


@dataclass(frozen=True)
class _Connection:
    connection: psycopg.Connection

    def rows(self, query: str) -> list[dict[str, Any]]:
        try:
            found = self.connection.execute(as_json(query).encode()).fetchall()
        except psycopg.errors.LockNotAvailable as error:
            raise DatabaseError(f"{error.diag.message_primary}{LOCK_ADVICE}") from None
        return [json.loads(text) for (text,) in found]

    def export_snapshot(self) -> str:
        return _exported(self)


@dataclass(frozen=True)
class CommandEndpoint:
    """A server that is reached by running programs beside it.

    Attributes:
        command: goes before psql and pg_dump: ``ssh bi.example docker exec -i redash_postgres_1``.
        user: the role to connect as, over there.
        dbname: the database.
    """

    command: tuple[str, ...]
    user: str
    dbname: str

    def __post_init__(self) -> None:
        # The other side's shell reads them once more.
        for name in (self.user, self.dbname):
            if not _PLAIN_NAME.fullmatch(name):
                raise BiDatabaseError(
                    f"{name!r} cannot be passed through {self.command[0]}: use letters, digits, "
                    "dots, dashes and underscores, or reach the server by URL"
                )

    @property
    def label(self) -> str:
        return f"{self.dbname} (through {label_of(self.command)})"

    def program(self, name: str, *arguments: str) -> list[str]:
        """The command line that runs one of PostgreSQL's programs over there."""
        return [*self.command, name, *arguments]

    @property
    def connection_arguments(self) -> tuple[str, ...]:
        """Tells any of PostgreSQL's programs which database, and never to ask for a password."""
        return ("--username", self.user, "--dbname", self.dbname, "--no-password")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A read-only snapshot, in a psql that stays open.

        Raises:
            BiDatabaseError: the command fails, or the server refuses a query.
        """
        psql = _Psql(self)
        try:
            psql.execute(LIFT_IDLE_LIMITS)
            for name, value in PINNED.items():
                psql.execute(f"SET {name} TO '{value}'")
            psql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield psql
        finally:
            psql.close()


class _Psql:
    """psql at the end of two pipes: statements go in, a marker says where their rows end."""

    def __init__(self, endpoint: CommandEndpoint) -> None:
        self._label = endpoint.label
        options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only")
        try:
            self._process = subprocess.Popen(
                endpoint.program("psql", *options, *endpoint.connection_arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise BiDatabaseError(f"{endpoint.command[0]} cannot be run: {error}") from None
        self._said: list[str] = []
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        # A statement that fails ends psql; its message comes without the row that it concerns.
        self._send("\\set ON_ERROR_STOP 1\n\\set VERBOSITY terse\n")

    def execute(self, statement: str) -> list[bytes]:
        """The lines that a statement prints."""
        marker = f"rfm-{uuid.uuid4().hex}".encode()
        self._send(f"{statement};\n\\echo {marker.decode()}\n")
        lines: list[bytes] = []
        output = stream(self._process.stdout)
        while line := output.readline():
            if line.rstrip(b"\n") == marker:
                return lines
            lines.append(line)
        raise self._failure()

    def rows(self, query: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.execute(as_json(query))]

    def export_snapshot(self) -> str:
        return _exported(self)

    def close(self) -> None:
        with suppress(BrokenPipeError):
            stream(self._process.stdin).close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        stream(self._process.stdout).close()
        stream(self._process.stderr).close()

    def _send(self, text: str) -> None:
        stdin = stream(self._process.stdin)
        try:
            stdin.write(text.encode())
            stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None

    def _listen(self) -> None:
        for line in stream(self._process.stderr):
            self._said.append(line.decode(errors="replace").strip())
            del self._said[:-MESSAGE_LINES]

    def _failure(self) -> BiDatabaseError:
        self._process.wait()
        self._listener.join(timeout=5)
        reason = " ".join(self._said) or f"it ended with code {self._process.returncode}"
        if "lock timeout" in reason:
            reason += LOCK_ADVICE
        return BiDatabaseError(f"{self._label}: {reason}")


def pin_settings(connection: psycopg.Connection) -> None:
    """Makes a connection write text as every other one of these does."""
    connection.execute(LIFT_IDLE_LIMITS.encode())
    for name, value in PINNED.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def as_json(query: str) -> str:
    """A query whose rows are JSON texts, one a line: the same through a connection and psql."""
    # The query is one of this package's files; what was put into it is quoted there.
    return f"SELECT pg_catalog.row_to_json(rfm_q)::text FROM (\n{query}\n) AS rfm_q"  # noqa: S608


def quoted(*names: str) -> str:
    """An identifier, as SQL writes it."""
    return sql.Identifier(*names).as_string(None)


def _exported(session: Session) -> str:
    (row,) = session.rows("SELECT pg_catalog.pg_export_snapshot() AS name")
    name = str(row["name"])
    if not _SNAPSHOT.fullmatch(name):
        raise DatabaseError(f"the server calls its snapshot {name!r}, which is no name of one")
    return name
