"""Inside one transaction of the warehouse: partitions replaced, compared, and old ones removed."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.rows import dict_row

from rfm_platform.catalog import SCHEMA, publications, snapshot_publications

LOCKS = 7_160_001  # any fixed number: the first half of our advisory locks' keys
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
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCKS, table.name]
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
        with self._connection.cursor() as cursor:
            self.lock(table)
            self._remove(table, partition[0], [partition[1]])
            with cursor.copy(_copy_in(table, sql.Identifier(SCHEMA, table.name))) as copy:
                rows(copy.write)
            return cursor.rowcount

    def take_over(
        self,
        table: sa.Table,
        partition: tuple[str, dt.date],
        earlier: dt.date,
        *,
        without: tuple[sa.Column[Any], CsvWriter],
        values: Mapping[str, object],
        rows: CsvWriter,
    ) -> int:
        """Replaces a partition by the rows of an earlier one, but for those that are others now.

        Args:
            table: a table of the catalogue.
            partition: its partition column and the value to replace.
            earlier: the value to take rows from.
            without: a column, and a writer of its values in the earlier rows to leave out.
            values: what the rows taken over hold in some columns instead.
            rows: writes the rows that are new, as for `replace`.

        Returns:
            How many rows there are now.
        """
        column, value = partition
        key, keys = without
        left_out = sql.Identifier(f"left_out_{table.name}")
        instead = {**values, column: value}
        taken = sql.SQL(", ").join(
            sql.Placeholder(c.name) if c.name in instead else sql.Identifier(c.name)
            for c in table.columns
        )
        with self._connection.cursor() as cursor:
            self.lock(table)
            self._remove(table, column, [value])
            cursor.execute(
                sql.SQL("CREATE TEMP TABLE {} (key text) ON COMMIT DROP").format(left_out)
            )
            with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(left_out)) as copy:
                keys(copy.write)
            cursor.execute(sql.SQL("ANALYZE {}").format(left_out))
            cursor.execute(
                sql.SQL(
                    "INSERT INTO {table} ({columns}) SELECT {taken} FROM {table} AS t "
                    "WHERE {column} = %(earlier_partition)s "
                    "AND NOT EXISTS (SELECT FROM {left_out} WHERE key = t.{key})"
                ).format(
                    columns=_columns(table.columns),
                    taken=taken,
                    left_out=left_out,
                    key=sql.Identifier(key.name),
                    **names(table, column),
                ),
                instead | {"earlier_partition": earlier},
            )
            total = cursor.rowcount
            with cursor.copy(_copy_in(table, sql.Identifier(SCHEMA, table.name))) as copy:
                rows(copy.write)
            return total + cursor.rowcount

    def record_snapshot(self, as_of: dt.date, version: str, at: dt.datetime) -> None:
        """Notes which computation of a snapshot of final_user_analysis is published."""
        row = {"as_of_date": as_of, "version": version, "published_at": at}
        self.append(snapshot_publications, [row])

    def forget_snapshots(self, dates: Sequence[dt.date]) -> None:
        """Notes that some snapshots of final_user_analysis are published no more."""
        self._remove(snapshot_publications, "as_of_date", dates)

    def record_month(self, month: dt.date, version: str | None, at: dt.datetime) -> None:
        """Notes which computation of a month is published."""
        self._remove(publications, "month_of_order", [month])
        row = {"month_of_order": month, "version": version, "published_at": at}
        self.append(publications, [row])

    def set_aside(self, table: sa.Table, rows: CsvWriter) -> None:
        """Adds rows to a copy of a table that nobody else sees and that ends with the session."""
        aside = _aside(table)
        statement = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {})")
        self._connection.execute("SET LOCAL client_min_messages = warning")
        self._connection.execute(statement.format(aside, sql.Identifier(SCHEMA, table.name)))
        with self._connection.cursor() as cursor, cursor.copy(_copy_in(table, aside)) as copy:
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
        compared = [c for c in table.columns if c.name != without]
        statement = sql.SQL("""
            WITH published AS (SELECT {columns} FROM {table} WHERE {column} = ANY(%s)),
            aside AS (SELECT {columns} FROM {aside})
            SELECT
                (SELECT COUNT(*) FROM aside),
                (SELECT COUNT(*) FROM (TABLE aside EXCEPT ALL TABLE published) AS missing),
                (SELECT COUNT(*) FROM (TABLE published EXCEPT ALL TABLE aside) AS extra)
        """).format(aside=_aside(table), columns=_columns(compared), **names(table, column))
        row = self._connection.execute(statement, [list(values)]).fetchone()
        rows, missing, extra = row or (0, 0, 0)
        return rows, missing, extra

    def append(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows, which have all of the table's columns."""
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(SCHEMA, table.name),
            _columns(table.columns),
            sql.SQL(", ").join(sql.Placeholder(column.name) for column in table.columns),
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
            """).format(**names(table, column)),
            {"days": days},
        ).fetchall()
        removed = [date for (date,) in dates]
        if removed:
            self._remove(table, column, removed)
        return removed

    def _remove(self, table: sa.Table, column: str, values: Sequence[dt.date]) -> None:
        statement = sql.SQL("DELETE FROM {table} WHERE {column} = ANY(%s)")
        self._connection.execute(statement.format(**names(table, column)), [values])


def names(table: sa.Table, column: str) -> dict[str, sql.Composable]:
    """A table and one of its columns, for a statement."""
    return {"table": sql.Identifier(SCHEMA, table.name), "column": sql.Identifier(column)}


def _columns(columns: Iterable[sa.Column[Any]]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _aside(table: sa.Table) -> sql.Identifier:
    return sql.Identifier(f"aside_{table.name}")


def _copy_in(table: sa.Table, target: sql.Identifier) -> sql.Composed:
    """COPY of all of a table's columns, in the catalogue's order, into it or into a copy of it."""
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(
        target, _columns(table.columns)
    )
