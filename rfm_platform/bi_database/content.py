"""A table's rows as a count and a hash, computed where the table is, whatever the rows' order.

The sum of a hash of each row: equal as long as every value is, on servers of different settings
and releases. Servers since 14 hash a record themselves, at a tenth of what MD5 of its text costs;
their hash functions stay as they are from release to release, because hash partitions rely on
them. They are made for hash tables, where equal hashes cost a comparison, and here would hide a
change: a number's hash ignores its sign, NaN's is that of NULL, a bigint's is folded to 32 bits,
as is a timestamp's. Such values take part in the binary form that servers send, whose bytes are
all hashed; other types as text.
"""

from collections.abc import Callable
from typing import Literal

from rfm_platform.bi_database.endpoint import Session, quoted
from rfm_platform.bi_database.state import DatabaseState, TableState, read_sql
from rfm_platform.errors import PlatformError

Scheme = Literal["binary", "md5"]
RECORDS_SINCE = 14
_FLOATS = {"real", "double precision"}
# Types whose own hash takes every bit in, and is not of a number that only this server knows.
_HASHED_WHOLE = {"smallint", "integer", "boolean", "bytea", "uuid", "date"}
_SENT = {
    "bigint": "int8send",
    "numeric": "numeric_send",
    "timestamp without time zone": "timestamp_send",
    "timestamp with time zone": "timestamptz_send",
}
_TEXTS = {"text", "character varying"}


def scheme_for(state: DatabaseState) -> Scheme:
    """How the rows of a server's tables are hashed; any later server can do the same."""
    return "binary" if state.major_version >= RECORDS_SINCE else "md5"


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
    if scheme == "md5" or kind in _HASHED_WHOLE:
        return column
    if kind in _SENT:
        return f"{_SENT[kind]}({column})"
    if kind in _TEXTS:
        return f'{column}::text COLLATE "C"'
    # As the type itself writes it: a cast to text may lose something, a character's blanks do get
    # lost. CONCAT writes NULL as an empty text, and IS NULL is true of a row of NULLs as well.
    return f'CASE WHEN num_nulls({column}) = 0 THEN concat({column}) END COLLATE "C"'
