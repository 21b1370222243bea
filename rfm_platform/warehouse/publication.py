"""Inside one transaction of the warehouse: partitions replaced, compared, and old ones removed."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.rows import dict_row

from rfm_platform.catalog import SCHEMA, newest_snapshots, publications, snapshot_publications
from rfm_platform.postgres.limits import LIFT_IDLE_LIMITS_LOCALLY
from rfm_platform.warehouse.retention import Retention, snapshots_there
from rfm_platform.warehouse.statements import Rows, columns_of, copy_in, leave_out, names

_KEYS = ("as_of_date", "month_of_order", "marketplace", "shop_id", "user_id")
LOCKS = 7_160_001  # any fixed number: the first half of our advisory locks' keys


class Publication:
    """The inside of one transaction: what it replaces becomes visible together."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def lock(self, table: sa.Table, partition: dt.date | str | None = None) -> None:
        """Waits until no other publication has the lock of a partition, or that of a table.

        Readers are not concerned. Without it, two writers of one partition would both delete the
        old rows, and the rows of both would stay.
        """
        self._lock([table.name if partition is None else f"{table.name} {partition}"])

    def try_lock(self, table: sa.Table, partition: str) -> bool:
        """Takes the lock of a partition at once; False: another publication has it."""
        statement = "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))"
        row = self._connection.execute(statement, [LOCKS, f"{table.name} {partition}"]).fetchone()
        return row == (True,)

    def _lock(self, locked: Sequence[str]) -> None:
        # Every publication begins here, and may wait for the engine between two statements for
        # longer than a server lets transactions be idle, or last.
        lifted = sql.SQL("ARRAY({})").format(sql.SQL(LIFT_IDLE_LIMITS_LOCALLY))
        self._connection.execute(
            sql.SQL(
                "SELECT {}, pg_advisory_xact_lock(%s, hashtext(locked)) "
                "FROM UNNEST(%s::text[]) AS locked"
            ).format(lifted),
            [LOCKS, locked],
        )

    def replace(self, table: sa.Table, partition: tuple[str, dt.date], rows: Rows) -> int:
        """Replaces the rows whose partition column has the given value.

        Args:
            table: a table of the catalogue.
            partition: its partition column and the value.
            rows: the new rows, in the catalogue's column order.

        Returns:
            How many rows there are now.
        """
        with self._connection.cursor() as cursor:
            self.lock(table, partition[1])
            self._remove(table, partition[0], [partition[1]])
            return self._copy_in(cursor, table, rows)

    def take_over(
        self,
        table: sa.Table,
        partition: tuple[str, dt.date],
        earlier: dt.date,
        *,
        without: tuple[sa.Column[Any], Rows],
        values: Mapping[str, object],
        rows: Rows,
    ) -> int:
        """Replaces a partition by the rows of an earlier one, but for those that are others now.

        Args:
            table: a table of the catalogue.
            partition: its partition column and the value to replace.
            earlier: the value to take rows from.
            without: a column, and its values in the earlier rows to leave out.
            values: what the rows taken over hold in some columns instead.
            rows: the rows that are new, as for `replace`.

        Returns:
            How many rows there are now.
        """
        column, value = partition
        key, keys = without
        instead = {**values, column: value}
        taken = sql.SQL(", ").join(
            sql.Placeholder(c.name) if c.name in instead else sql.Identifier(c.name)
            for c in table.columns
        )
        with self._connection.cursor() as cursor:
            self.lock(table, value)
            self._remove(table, column, [value])
            left_out = leave_out(cursor, table, key, keys)
            cursor.execute(
                sql.SQL(
                    "INSERT INTO {table} ({columns}) SELECT {taken} FROM {table} AS t "
                    "WHERE {column} = %(earlier_partition)s "
                    "AND NOT EXISTS (SELECT FROM {left_out} AS o WHERE o.{key} = t.{key})"
                ).format(
                    columns=columns_of(table.columns),
                    taken=taken,
                    left_out=left_out,
                    key=sql.Identifier(key.name),
                    **names(table, column),
                ),
                instead | {"earlier_partition": earlier},
            )
            return cursor.rowcount + self._copy_in(cursor, table, rows)

    def exchange(
        self,
        table: sa.Table,
        partition: tuple[str, dt.date],
        *,
        without: tuple[sa.Column[Any], Rows],
        rows: Rows,
    ) -> tuple[int, int]:
        """Removes some rows of a partition and adds others.

        Args:
            table: a table of the catalogue.
            partition: its partition column and the value.
            without: a column, and its values in the rows to remove.
            rows: the rows to add, as for `replace`.

        Returns:
            How many rows were removed, and how many added.
        """
        key, keys = without
        with self._connection.cursor() as cursor:
            self.lock(table, partition[1])
            left_out = leave_out(cursor, table, key, keys)
            cursor.execute(
                sql.SQL(
                    "DELETE FROM {table} AS t WHERE {column} = %s "
                    "AND EXISTS (SELECT FROM {left_out} AS o WHERE o.{key} = t.{key})"
                ).format(
                    left_out=left_out,
                    key=sql.Identifier(key.name),
                    **names(table, partition[0]),
                ),
                [partition[1]],
            )
            return cursor.rowcount, self._copy_in(cursor, table, rows)

    def record_snapshot(self, as_of: dt.date, version: str, at: dt.datetime) -> None:
        """Notes which computation of a snapshot of final_user_analysis is published."""
        row = {"as_of_date": as_of, "version": version, "published_at": at}
        self.append(snapshot_publications, [row])

    def forget_snapshots(self, dates: Sequence[dt.date]) -> None:
        """Notes that some snapshots of final_user_analysis are published no more."""
        self._remove(snapshot_publications, "as_of_date", dates)

    def record_month(
        self, month: dt.date, version: str | None, through: dt.date | None, at: dt.datetime
    ) -> None:
        """Notes which computation of a month is published, and up to which day it was loaded."""
        self._remove(publications, "month_of_order", [month])
        row = {
            "month_of_order": month,
            "version": version,
            "published_at": at,
            "through": through,
        }
        self.append(publications, [row])

    def append(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows, which have all of the table's columns."""
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(SCHEMA, table.name),
            columns_of(table.columns),
            sql.SQL(", ").join(sql.Placeholder(column.name) for column in table.columns),
        )
        with self._connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def rows(self, statement: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """The rows of a query of ours, as this transaction sees them."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement.encode(), parameters)
            return cursor.fetchall()

    def record_newest(self, tables: Sequence[sa.Table], as_of: dt.date, at: dt.datetime) -> None:
        """Notes that tables are published as of a day, with rows or without: the newest counts."""
        self._connection.execute(
            sql.SQL("""
                INSERT INTO {noted} AS noted (table_name, as_of_date, published_at)
                SELECT name, %s, %s FROM UNNEST(%s::text[]) AS name
                ON CONFLICT (table_name) DO UPDATE
                SET as_of_date = excluded.as_of_date, published_at = excluded.published_at
                WHERE excluded.as_of_date >= noted.as_of_date
            """).format(noted=sql.Identifier(SCHEMA, newest_snapshots.name)),
            [as_of, at, [table.name for table in tables]],
        )

    def analyze(self, tables: Sequence[sa.Table]) -> None:
        """Lets the server sample the columns that tables are joined and filtered by.

        By itself it does so after a tenth of a table has changed. Until then it plans for hardly a
        row of a day that it has not heard of, and may compare each row of a join with each.
        """
        for table in tables:
            keys = [column for column in table.columns if column.name in _KEYS]
            # Skipped where it is being done already, and by a role that may not.
            statement = sql.SQL("ANALYZE (SKIP_LOCKED) {} ({})")
            self._connection.execute(
                statement.format(sql.Identifier(SCHEMA, table.name), columns_of(keys))
            )

    def keep(
        self, tables: Sequence[sa.Table], column: str, days: int
    ) -> dict[sa.Table, tuple[list[dt.date], Retention]]:
        """Removes old snapshots: the newest `days` days stay, and every month's last day.

        The newest day is the table's, or that of the customers where they are newer: a table that
        is not made any more, or came out empty, has no newer row of its own.

        Returns:
            Of each table the dates that were removed, and by what rule.
        """
        # So that two who publish at once see each other's newest.
        self._lock([table.name for table in tables])
        kept = {}
        for table, there, newest in snapshots_there(self._connection, tables, column):
            retention = Retention(newest, days)
            removed = retention.dropped(there)
            if removed:
                self._remove(table, column, removed)
            kept[table] = (removed, retention)
        return kept

    def _copy_in(self, cursor: psycopg.Cursor[Any], table: sa.Table, rows: Rows) -> int:
        return copy_in(cursor, sql.Identifier(SCHEMA, table.name), table.columns, rows)

    def _remove(self, table: sa.Table, column: str, values: Sequence[dt.date]) -> None:
        statement = sql.SQL("DELETE FROM {table} WHERE {column} = ANY(%s)")
        self._connection.execute(statement.format(**names(table, column)), [values])
