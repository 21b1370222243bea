"""Which snapshots of a table stay, and which are there."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa
from psycopg import sql

from rfm_platform.calendar import last_day
from rfm_platform.catalog import SCHEMA, final_user_analysis_snapshots, newest_snapshots
from rfm_platform.warehouse.statements import names


@dataclass(frozen=True)
class Retention:
    """The newest days stay, and every month's last day.

    Attributes:
        newest: the newest snapshot that is published, with rows or without; None: there is none.
        days: how many days stay, up to the newest.
    """

    newest: dt.date | None
    days: int

    def dropped(self, dates: Iterable[dt.date]) -> list[dt.date]:
        """Those of some snapshots that do not stay, in their order."""
        newest = self.newest
        if newest is None:
            return []
        return [
            date for date in dates if (newest - date).days >= self.days and date != last_day(date)
        ]


def snapshots_there(
    connection: psycopg.Connection, tables: Sequence[sa.Table], column: str
) -> Iterator[tuple[sa.Table, list[dt.date], dt.date | None]]:
    """Each table with its snapshots, and the newest one that counts for retention, if any.

    That is the table's own or the customers', which are published for every day: a table that came
    out empty, or is not made any more, has no newer row.
    """
    # One index probe a date: a snapshot has a row for each customer.
    each = sql.SQL("""
        SELECT {name} AS name, date FROM (
            WITH RECURSIVE dates AS (
                SELECT MIN({column}) AS date FROM {table}
                UNION ALL
                SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > dates.date)
                FROM dates
                WHERE dates.date IS NOT NULL
            )
            SELECT date FROM dates WHERE date IS NOT NULL
        ) AS there
    """)
    union = sql.SQL(" UNION ALL ").join(
        each.format(name=sql.Literal(table.name), **names(table, column)) for table in tables
    )
    there: dict[str, list[dt.date]] = {table.name: [] for table in tables}
    for name, date in connection.execute(union).fetchall():
        there[name].append(date)
    noted: dict[str, dt.date] = dict(
        connection.execute(
            sql.SQL("SELECT table_name, as_of_date FROM {}").format(
                sql.Identifier(SCHEMA, newest_snapshots.name)
            )
        ).fetchall()
    )
    for table in tables:
        told_of = {table.name, final_user_analysis_snapshots.name} & noted.keys()
        newest = [*there[table.name], *(noted[name] for name in told_of)]
        yield table, there[table.name], max(newest, default=None)
