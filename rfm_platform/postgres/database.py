"""One PostgreSQL database: how to connect, and how to name it without its password."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from rfm_platform.errors import PlatformError

CONNECT_TIMEOUT_SECONDS = 15
# Classes of SQLSTATE: connections, transactions, rights, names, resources, operators' doings.
_ABOUT_NO_ROW = frozenset(
    ("08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58")
)
_REMOTE_REFUSED = "2F003"  # by postgres_fdw: how the mart itself reaches another server
# A server whose machine is gone does not say so. It is noticed within 90 seconds, not after the two
# hours of the operating system.
KEEPALIVES = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "6"}


class DatabaseError(PlatformError):
    """A database that cannot be reached or used: which one, why, what to do. Never a password."""


@dataclass(frozen=True)
class Database:
    """A database that is reached when it is first needed, not before.

    Attributes:
        label: what people call it, with its place: ``warehouse (db.example:5432/analytics)``.
        conninfo: returns libpq's connection parameters; may start a server.
    """

    label: str
    conninfo: Callable[[], dict[str, Any]]

    @contextmanager
    def connect(
        self,
        *,
        read_only: bool = False,
        statement_timeout_seconds: int | None = None,
        exported_snapshot: str | None = None,
        connect_timeout_seconds: int = CONNECT_TIMEOUT_SECONDS,
    ) -> Iterator[psycopg.Connection]:
        """A transaction: committed at the end of the block, rolled back on an error.

        A read-only one sees a single consistent snapshot (repeatable read) for its whole life, or
        the one that another transaction has exported. One that writes sees what others have
        committed before each statement, whatever the server's default: after a lock, what its
        holder wrote.

        Raises:
            DatabaseError: the server does not answer or refuses us, also at the end of the block.
        """
        defaults: dict[str, Any] = {
            "connect_timeout": connect_timeout_seconds,
            "client_encoding": "UTF8",
            # What is prepared stays in a pooler's session, and is there when the next one prepares.
            "prepare_threshold": None,
        }
        try:
            connection = psycopg.connect(**(defaults | self.conninfo()))
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise DatabaseError(f"{self.label} cannot be reached: {reason}") from None
        try:
            with connection:
                connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
                if read_only:
                    connection.read_only = True
                    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                if exported_snapshot is not None:  # before anything else is asked
                    _see(connection, exported_snapshot, self.label)
                if statement_timeout_seconds is not None:
                    connection.execute(
                        "SELECT set_config('statement_timeout', %s, true)",
                        [f"{statement_timeout_seconds}s"],
                    )
                yield connection
        except psycopg.Error as error:
            raise DatabaseError(f"{self.label}: {_without_values(error)}") from None


def _see(connection: psycopg.Connection, exported_snapshot: str, label: str) -> None:
    statement = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(exported_snapshot))
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        raise DatabaseError(
            f"{label}: a second connection does not see the first one's snapshot "
            f"({_without_values(error)}). If a pooler spreads connections over several servers, "
            "set RFM_SOURCE_CONNECTIONS=1"
        ) from None


def _without_values(error: psycopg.Error) -> str:
    """What a server complains of, without the row: a person's name may be in it.

    Quoted are texts of PostgreSQL's own that name tables, columns, roles and settings. What a
    function of the owner's raises may say anything.
    """
    diagnostics = error.diag
    if not error.sqlstate:
        return str(error).strip().splitlines()[0]
    if error.sqlstate[:2] in _ABOUT_NO_ROW or error.sqlstate == _REMOTE_REFUSED:
        hint = f". {diagnostics.message_hint.rstrip('.')}" if diagnostics.message_hint else ""
        return f"{diagnostics.message_primary} ({error.sqlstate}){hint}"
    if error.sqlstate[:2] in ("22", "23"):
        column = f" in {diagnostics.column_name}" if diagnostics.column_name else ""
        return f"a value is refused{column}: {type(error).__name__} ({error.sqlstate})"
    return f"{type(error).__name__} ({error.sqlstate}), whose text may hold a value"


def parse_url(name: str, url: str) -> URL:
    """A database's URL in its parts.

    Raises:
        DatabaseError: it cannot be read, or a part of its password would be read as its place.
    """
    scheme, _, rest = url.partition("://")
    _, credentials, place = rest.rpartition("@")
    try:
        parsed = make_url(url)
        described = make_url(f"{scheme}://{place}")
    except (ArgumentError, ValueError):
        described = None
    if described is None or (credentials and _place(parsed) != _place(described)):
        raise DatabaseError(
            f"the URL of {name} is none: expected postgresql://user:password@host:port/database, "
            "where / and @ in a password are written %2F and %40"
        )
    return parsed


def _place(url: URL) -> tuple[object, ...]:
    return url.host, url.port, url.database, url.query


def external(name: str, url: str) -> Database:
    """The database behind a SQLAlchemy-style URL, ``postgresql://user:password@host/name``.

    Raises:
        DatabaseError: the URL cannot be read, or is none of PostgreSQL's.
    """
    parsed = parse_url(name, url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseError(
            f"the URL of {name} is for {parsed.get_backend_name()}: only PostgreSQL is read"
        )
    parameters: dict[str, Any] = {
        **KEEPALIVES,
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "dbname": parsed.database,
        **{key: _joined(value) for key, value in parsed.query.items()},
    }
    place = f"{parameters['host'] or 'local'}:{parameters['port'] or 5432}"
    return Database(
        label=f"{name} ({place}/{parsed.database})",
        conninfo=lambda: {k: v for k, v in parameters.items() if v is not None},
    )


def with_keepalives(url: URL) -> str:
    """A URL for whoever connects without `external`: with what that adds, if it is not there."""
    told = url.update_query_dict(KEEPALIVES | dict(url.query))
    return told.render_as_string(hide_password=False)


def _joined(value: str | tuple[str, ...]) -> str:
    """What a URL says several times, several hosts say, as libpq takes it."""
    return value if isinstance(value, str) else ",".join(value)
