"""What transforms and analyses ask of whoever runs their SQL: a session with names for tables.

The SQL is DuckDB's. An engine that speaks another dialect translates it and gives the same rows;
the conformance tests hold every engine to that.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import sqlalchemy as sa

from rfm_platform.lake import LakeTable

SESSION = "rfm-session-"  # what the directory of each session is called, for whoever tidies up


class SqlSession(Protocol):
    """Views, tables and queries that are gone when the session ends."""

    @property
    def is_distributed(self) -> bool:
        """Whether a query's parts run in several processes, which share nothing but files."""

    def view(
        self,
        table: LakeTable,
        first: dt.date | None = None,
        last: dt.date | None = None,
        *,
        name: str | None = None,
    ) -> None:
        """Names a table's partitions between two dates, inclusive; by default by its own name."""

    def view_files(self, name: str, files: Sequence[str], table: sa.Table) -> None:
        """Names the rows of a table's Parquet files; without files, an empty table of its shape."""

    def union(self, name: str, tables: Sequence[str], shape: sa.Table) -> None:
        """Names the rows of several tables together; they have a shape's columns in any order."""

    def create(
        self, name: str, columns: Iterable[sa.Column[Any]], rows: Sequence[Sequence[object]]
    ) -> None:
        """A small table from values."""

    def define(self, name: str, sql: str) -> None:
        """Names a query: it is computed wherever it is read."""

    def materialize(self, name: str, sql: str, **parameters: object) -> None:
        """Computes a query into a table of the session."""

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""

    def records(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Likewise, each row by its columns' names."""

    def replace(
        self, table: LakeTable, query: str, values: Collection[dt.date], **parameters: object
    ) -> None:
        """Replaces partitions of a lake's table by the rows of a query, in one commit.

        Args:
            table: the lake's table.
            query: its rows; the columns by name. All of them lie in the given partitions.
            values: the partitions; those that have no row end up empty.
            parameters: the query's.
        """


class SqlEngine(Protocol):
    """How to open sessions."""

    def session(self) -> AbstractContextManager[SqlSession]:
        """An empty session. Whatever it left on disk is removed at the end, also on an error."""
