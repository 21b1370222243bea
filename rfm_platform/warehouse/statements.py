"""Parts of the warehouse's statements: tables and columns by the catalogue's names."""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from rfm_platform.catalog import SCHEMA

CsvWriter = Callable[[Callable[[bytes], object]], object]


def names(table: sa.Table, column: str) -> dict[str, sql.Composable]:
    """A table and one of its columns, for a statement."""
    return {"table": sql.Identifier(SCHEMA, table.name), "column": sql.Identifier(column)}


def columns_of(columns: Iterable[sa.Column[Any]]) -> sql.Composed:
    """The columns' names, with commas between."""
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def copy_in(table: sa.Table, target: sql.Identifier) -> sql.Composed:
    """COPY of all of a table's columns, in the catalogue's order, into it or into a copy of it."""
    # E: a backslash is one whatever standard_conforming_strings says.
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL E'\\\\N')").format(
        target, columns_of(table.columns)
    )
