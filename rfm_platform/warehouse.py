"""The warehouse: what analysts and BI tools read, in schema ``rfm`` of a PostgreSQL database.

A partition is published in one transaction by DELETE and COPY, so a reader sees the old or the new
one and never waits. What a table means is the catalogue's business; this module creates it, with
its comments, and keeps the retention of daily snapshots.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable

from rfm_platform.catalog import CURRENT_VIEWS, SCHEMA, WAREHOUSE, publications
from rfm_platform.postgres import Database

_POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
_LOCKS = 7_160_001  # any fixed number: the first half of our advisory locks' keys
CsvWriter = Callable[[Callable[[bytes], object]], object]


class Publication:
    """The inside of one transaction: what it replaces becomes visible together."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def lock(self, table: sa.Table) -> None:
        """Waits until no other publication writes a table. Readers are not concerned.

        Without it, two writers of one partition would both delete the old rows and both stay.
        """
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCKS, table.name]
        )

    def replace(self, table: sa.Table, partition: tuple[str, dt.date], rows: CsvWriter) -> int:
        r"""Replaces the rows whose partition column has the given value.

        Args:
            table: a table of the catalogue.
            partition: its partition column and the value.
            rows: called with a function that takes the new rows as CSV, NULL as ``\N``, in the
                catalogue's column order.

        Returns:
            How many rows there are now.
        """
        column, value = partition
        names = _names(table, column)
        columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
        statement = sql.SQL("COPY {table} ({columns}) FROM STDIN (FORMAT csv, NULL '\\N')").format(
            columns=columns, **names
        )
        with self._connection.cursor() as cursor:
            self.lock(table)
            cursor.execute(
                sql.SQL("DELETE FROM {table} WHERE {column} = %s").format(**names), [value]
            )
            with cursor.copy(statement) as copy:
                rows(copy.write)
            return cursor.rowcount

    def record_month(self, month: dt.date, version: str | None, at: dt.datetime) -> None:
        """Notes which computation of a month is published."""
        table = sql.Identifier(SCHEMA, publications.name)
        self._connection.execute(
            sql.SQL("DELETE FROM {} WHERE month_of_order = %s").format(table), [month]
        )
        self._connection.execute(
            sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(table), [month, version, at]
        )

    def set_aside(self, table: sa.Table, rows: CsvWriter) -> None:
        """Adds rows to a copy of a table that nobody else sees and that ends with the session."""
        names = {"copy": sql.Identifier(f"aside_{table.name}"), **_names(table, "")}
        self._connection.execute("SET LOCAL client_min_messages = warning")
        self._connection.execute(
            sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {copy} (LIKE {table})").format(**names)
        )
        statement = sql.SQL("COPY {copy} FROM STDIN (FORMAT csv, NULL '\\N')").format(**names)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            rows(copy.write)

    def compare_with_aside(
        self, table: sa.Table, partitions: tuple[str, Sequence[dt.date]], *, without: str
    ) -> tuple[int, int, int]:
        """Compares what was set aside with published partitions, row by row.

        Args:
            table: the published one.
            partitions: its partition column, and the values to compare.
            without: a column to leave out.

        Returns:
            The rows set aside, those of them that are not published, and the published ones that
            were not set aside.
        """
        column, values = partitions
        if not values:
            return 0, 0, 0
        names = {
            "copy": sql.Identifier(f"aside_{table.name}"),
            "columns": sql.SQL(", ").join(
                sql.Identifier(c.name) for c in table.columns if c.name != without
            ),
            **_names(table, column),
        }
        statement = sql.SQL("""
            WITH published AS (SELECT {columns} FROM {table} WHERE {column} = ANY(%s)),
            aside AS (SELECT {columns} FROM {copy})
            SELECT
                (SELECT COUNT(*) FROM aside),
                (SELECT COUNT(*) FROM (TABLE aside EXCEPT ALL TABLE published) AS missing),
                (SELECT COUNT(*) FROM (TABLE published EXCEPT ALL TABLE aside) AS extra)
        """).format(**names)
        row = self._connection.execute(statement, [list(values)]).fetchone()
        rows, missing, extra = row or (0, 0, 0)
        return rows, missing, extra

    def append(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows, which have all of the table's columns."""
        columns = [column.name for column in table.columns]
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(SCHEMA, table.name),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(map(sql.Placeholder, columns)),
        )
        with self._connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def rows(self, statement: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """The rows of a query of ours, as this transaction sees them."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement.encode(), parameters)
            return cursor.fetchall()

    def keep(self, table: sa.Table, column: str, days: int) -> list[dt.date]:
        """Removes old snapshots: the newest `days` days stay, and every month's last day.

        Returns:
            The dates that were removed.
        """
        names = _names(table, column)
        # One index probe a date: a snapshot has a row for each customer.
        dates = self._connection.execute(
            sql.SQL("""
                WITH RECURSIVE dates AS (
                    SELECT MIN({column}) AS date FROM {table}
                    UNION ALL
                    SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > dates.date)
                    FROM dates
                    WHERE dates.date IS NOT NULL
                )
                SELECT date FROM dates
                WHERE date <= (SELECT MAX(date) FROM dates) - %(days)s
                  AND date <> (DATE_TRUNC('month', date) + INTERVAL '1 month - 1 day')::date
            """).format(**names),
            {"days": days},
        ).fetchall()
        removed = [date for (date,) in dates]
        if removed:
            self._connection.execute(
                sql.SQL("DELETE FROM {table} WHERE {column} = ANY(%s)").format(**names), [removed]
            )
        return removed


@dataclass(frozen=True)
class Warehouse:
    """The published tables."""

    database: Database

    def prepare(self) -> None:
        """Creates schema, tables, indexes, views and comments, when they are not these already.

        The schema's comment says which catalogue it was made from, so that a publication costs
        one query here and takes no lock that a reader would feel.
        """
        marker = f"Customers: who they are and whether they come back. Catalogue {_fingerprint()}."
        with self.database.connect() as connection:
            if marker == _schema_comment(connection):
                return
            connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCKS])
            connection.execute("SET LOCAL client_min_messages = warning")
            _execute(connection, CreateSchema(SCHEMA, if_not_exists=True))
            for table in WAREHOUSE.sorted_tables:
                _execute(connection, CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    _execute(connection, CreateIndex(index, if_not_exists=True))
                _comment(connection, "TABLE", table.name, table.comment, table.columns)
            for name, table in CURRENT_VIEWS.items():
                connection.execute(
                    sql.SQL(
                        "CREATE OR REPLACE VIEW {view} AS SELECT * FROM {table} "
                        "WHERE as_of_date = (SELECT MAX(as_of_date) FROM {table})"
                    ).format(view=sql.Identifier(SCHEMA, name), **_names(table, "as_of_date"))
                )
                comment = f"Newest snapshot of {table.name}. {table.comment}"
                _comment(connection, "VIEW", name, comment, table.columns)
            connection.execute(
                sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                    sql.Identifier(SCHEMA), sql.Literal(marker)
                )
            )

    @contextmanager
    def publication(self) -> Iterator[Publication]:
        """One transaction: committed at the end of the block, rolled back on an error."""
        with self.database.connect() as connection:
            yield Publication(connection)

    def rows(
        self, statement: str, parameters: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a query of ours."""
        with (
            self.database.connect(read_only=True) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            cursor.execute(statement.encode(), parameters)
            return cursor.fetchall()


def _fingerprint() -> str:
    """Changes with every table, column, type, index and comment of the catalogue."""
    described = [
        (t.name, t.comment, [(c.name, repr(c.type), c.comment) for c in t.columns], len(t.indexes))
        for t in WAREHOUSE.sorted_tables
    ]
    return hashlib.md5(repr(described).encode(), usedforsecurity=False).hexdigest()[:12]


def _schema_comment(connection: psycopg.Connection) -> str | None:
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [SCHEMA]
    ).fetchone()
    return row[0] if row else None


def _names(table: sa.Table, column: str) -> dict[str, sql.Composable]:
    return {"table": sql.Identifier(SCHEMA, table.name), "column": sql.Identifier(column)}


def _execute(connection: psycopg.Connection, statement: sa.sql.ddl.DDLElement) -> None:
    text = str(statement.compile(dialect=_POSTGRES))
    connection.execute(text.encode())


def _comment(
    connection: psycopg.Connection,
    kind: str,
    name: str,
    comment: str | None,
    columns: Any,
) -> None:
    connection.execute(
        sql.SQL("COMMENT ON {} {} IS {}").format(
            sql.SQL(kind),
            sql.Identifier(SCHEMA, name),
            sql.Literal(comment),
        )
    )
    for column in columns:
        connection.execute(
            sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                sql.Identifier(SCHEMA, name, column.name), sql.Literal(column.comment)
            )
        )
