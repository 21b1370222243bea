"""Parts of the warehouse's statements: tables and columns by the catalogue's names, and COPY."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
import sqlalchemy as sa
from psycopg import sql

from rfm_platform.catalog import SCHEMA

CopyFormat = Literal["binary", "csv"]
# E: a backslash is one whatever standard_conforming_strings says.
_OPTIONS = {"binary": "FORMAT binary", "csv": r"FORMAT csv, NULL E'\\N'"}


@dataclass(frozen=True)
class Rows:
    r"""Rows on their way into a table.

    Attributes:
        format: one of COPY's; in CSV, NULL is ``\N``.
        write: called with a function that takes them, as bytes.
    """

    format: CopyFormat
    write: Callable[[Callable[[bytes], object]], object]


def names(table: sa.Table, column: str) -> dict[str, sql.Composable]:
    """A table and one of its columns, for a statement."""
    return {"table": sql.Identifier(SCHEMA, table.name), "column": sql.Identifier(column)}


def columns_of(columns: Iterable[sa.Column[Any]]) -> sql.Composed:
    """The columns' names, with commas between."""
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def copy_in(
    cursor: psycopg.Cursor[Any],
    target: sql.Identifier,
    columns: Iterable[sa.Column[Any]],
    rows: Rows,
) -> int:
    """Adds rows, with these columns in this order, to a table, and returns how many they are."""
    options = sql.SQL(_OPTIONS[rows.format])
    statement = sql.SQL("COPY {} ({}) FROM STDIN ({})")
    with cursor.copy(statement.format(target, columns_of(columns), options)) as copy:
        rows.write(copy.write)
    return cursor.rowcount


def leave_out(
    cursor: psycopg.Cursor[Any], table: sa.Table, key: sa.Column[Any], keys: Rows
) -> sql.Identifier:
    """A temporary table of the keys of rows that are to go, until the end of the transaction."""
    left_out = sql.Identifier(f"left_out_{table.name}")
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE {} ({} text) ON COMMIT DROP").format(
            left_out, sql.Identifier(key.name)
        )
    )
    copy_in(cursor, left_out, [key], keys)
    cursor.execute(sql.SQL("ANALYZE {}").format(left_out))
    return left_out
