"""A table's rows as a count and a hash, computed where the table is, whatever the rows' order.

The sum of a hash of each row: equal as long as every value is, on servers of different settings
and releases. Servers since 14 hash a record themselves, at a tenth of what MD5 of its text costs;
their hash functions stay as they are from release to release, because hash partitions rely on
them. Values whose hash would not travel take part as text: enumerations and object names hash by
number, intervals by length, and many types not at all.
"""

from collections.abc import Callable
from typing import Literal

from rfm_platform.bi_database.endpoint import Session, quoted
from rfm_platform.bi_database.state import DatabaseState, TableState, read_sql
from rfm_platform.errors import PlatformError

Scheme = Literal["record", "md5"]
RECORDS_SINCE = 14
_FLOATS = {"real", "double precision"}
_TRAVELS = {
    "smallint",
    "integer",
    "bigint",
    "boolean",
    "bytea",
    "uuid",
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
    "numeric",
}


def scheme_for(state: DatabaseState) -> Scheme:
    """How the rows of a server's tables are hashed; any later server can do the same."""
    return "record" if state.major_version >= RECORDS_SINCE else "md5"


def read_contents(
    session: Session,
    state: DatabaseState,
    progress: Callable[[TableState], None] = lambda _: None,
) -> DatabaseState:
    """A state with each table's rows counted and hashed.

    Raises:
        PlatformError: a table cannot be read; says which.
    """
    scheme = scheme_for(state)
    tables = tuple(_with_content(session, table, scheme, progress) for table in state.tables)
    return state.model_copy(update={"tables": tables, "scheme": scheme})


def _with_content(
    session: Session, table: TableState, scheme: Scheme, progress: Callable[[TableState], None]
) -> TableState:
    if not table.holds_rows:
        return table
    progress(table)
    try:
        rows, content = read_content(session, table, scheme)
    except PlatformError as error:
        raise type(error)(f"{table.title} cannot be read: {error}") from None
    return table.model_copy(update={"rows": rows, "content": content})


def read_content(session: Session, table: TableState, scheme: Scheme) -> tuple[int, str]:
    """How many rows a table has, and the hash of all of them."""
    (row,) = session.rows(
        read_sql(f"content_{scheme}").format(
            row=_row(table, scheme),
            table=("ONLY " if table.kind == "r" else "") + quoted(table.schema_name, table.name),
        )
    )
    return row["rows"], row["content"]


def _row(table: TableState, scheme: Scheme) -> str:
    if scheme == "md5" and not _FLOATS.intersection(table.types):
        return "(r.*)"
    columns = zip(table.columns, table.types, strict=True)
    return f"ROW({', '.join(_value(name, kind, scheme) for name, kind in columns)})"


def _value(name: str, kind: str, scheme: Scheme) -> str:
    column = f"r.{quoted(name)}"
    if kind in _FLOATS:
        return f"float8send({column}::float8)"  # servers before 12 print them otherwise
    if scheme == "md5" or kind in _TRAVELS:
        return column
    if kind == "character":  # as text, its blanks would have to be cut off first
        return f'{column} COLLATE "C"'
    return f'{column}::text COLLATE "C"'
