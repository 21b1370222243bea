"""Rows beside a published table, to be compared with it: nobody else sees them."""

import datetime as dt
from collections.abc import Sequence

import psycopg
import sqlalchemy as sa
from psycopg import sql

from rfm_platform.catalog import SCHEMA
from rfm_platform.postgres.limits import LIFT_IDLE_LIMITS_LOCALLY
from rfm_platform.warehouse.statements import Rows, columns_of, copy_in, names


class Aside:
    """Copies of published tables that end with the session."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, table: sa.Table, rows: Rows) -> None:
        """Adds rows to the copy of a table."""
        aside = _aside(table)
        statement = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DROP")
        self._connection.execute("SET LOCAL client_min_messages = warning")
        self._connection.execute(LIFT_IDLE_LIMITS_LOCALLY.encode())
        self._connection.execute(statement.format(aside, sql.Identifier(SCHEMA, table.name)))
        with self._connection.cursor() as cursor:
            copy_in(cursor, aside, table.columns, rows)

    def compare(
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
        """).format(aside=_aside(table), columns=columns_of(compared), **names(table, column))
        row = self._connection.execute(statement, [list(values)]).fetchone()
        rows, missing, extra = row or (0, 0, 0)
        return rows, missing, extra


def _aside(table: sa.Table) -> sql.Identifier:
    return sql.Identifier(f"aside_{table.name}")
