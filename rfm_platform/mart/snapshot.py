"""One consistent view of the data mart: rows of days by COPY, and totals to hold them against."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rfm_platform.mart.copy_out import copy_out


@dataclass(frozen=True)
class Share:
    """The rows of some days, or the part of them that falls to one of several readers.

    Attributes:
        days: of the lines.
        number: which reader's, from 0.
        readers: orders fall to one of so many by a hash of their number.
    """

    days: Collection[dt.date]
    number: int = 0
    readers: int = 1


class MartSnapshot:
    """One consistent view of both tables, as long as its transaction lasts."""

    def __init__(
        self,
        connection: psycopg.Connection,
        identifiers: Mapping[str, sql.Composable],
        join: Callable[[str], psycopg.Connection],
        readers: int = 1,
    ) -> None:
        self._connection = connection
        self._identifiers = identifiers
        self._join = join
        self._others: list[MartSnapshot] = []
        self.readers = readers

    def together(self, readers: int) -> "list[MartSnapshot]":
        """So many readers of this very snapshot, itself the first, each with its connection.

        Connections stay open as long as the snapshot, for the next call.
        """
        missing = readers - 1 - len(self._others)
        if missing > 0:
            ((exported,),) = self._connection.execute("SELECT pg_export_snapshot()").fetchall()
            self._others += [
                MartSnapshot(self._join(exported), self._identifiers, self._join)
                for _ in range(missing)
            ]
        return [self, *self._others[: readers - 1]]

    def _statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        return read_statement(name).format(**self._identifiers, **parts)

    def copy_lines(self, share: Share, write: Callable[[bytes], object]) -> None:
        """Streams lines, each with its hash."""
        self._copy("lines", share, write)

    def copy_names(
        self, share: Share, write: Callable[[bytes], object], *, all_orders: bool
    ) -> None:
        """Streams the recipients of the orders that have a line on the days, or of all orders."""
        wanted = sql.SQL("TRUE") if all_orders else self._statement("has_line")
        self._copy("names", share, write, wanted=wanted)

    def _copy(
        self,
        name: str,
        share: Share,
        write: Callable[[bytes], object],
        **parts: sql.Composable,
    ) -> None:
        r"""Streams rows of ``sql/copy_<name>.sql`` as CSV, NULL as ``\N``, to `write`."""
        its_own: sql.Composable = sql.SQL("TRUE")
        if share.readers > 1:
            its_own = self._statement(
                f"share_of_{name}",
                number=sql.Literal(share.number),
                readers=sql.Literal(share.readers),
            )
        statement = self._statement(f"copy_{name}", its_own=its_own, **parts)
        bound = psycopg.ClientCursor(self._connection).mogrify(statement, _on(share.days))
        copy_out(self._connection, bound, write)

    def line_counts(self, days: Collection[dt.date]) -> dict[dt.date, int]:
        """How many lines each of the days has, in order."""
        found = self._connection.execute(self._statement("line_counts"), _on(days)).fetchall()
        return dict.fromkeys(sorted(days), 0) | dict(found)

    def are_most_orders(self, lines: int) -> bool:
        """Whether so many lines are at least half as many as the mart has orders.

        By its statistics: no, where it has none, as of a view.
        """
        found = self._connection.execute(self._statement("orders_estimate"), {}).fetchone()
        return found is not None and lines >= found[0] / 2

    def fingerprints(self, days: Collection[dt.date]) -> dict[dt.date, str]:
        """A fingerprint of each day that has lines: equal as long as its rows are.

        Comparable between fingerprints of one PostgreSQL release, at least 14, and with those
        that are added up from the hashes that `copy_lines` and `copy_names` give.
        """
        if not days:
            return {}
        statement = self._statement("fingerprints")
        rows = self._connection.execute(statement, _on(days)).fetchall()
        found: dict[dt.date, str] = dict(rows)
        return found

    def totals(self, name: str, days: Collection[dt.date]) -> list[dict[str, Any]]:
        """The rows of ``sql/totals_<name>.sql``, about some days."""
        return self._records(f"totals_{name}", _on(days)) if days else []

    def order_digests(self, day: dt.date, marketplace: str | None) -> dict[str, str]:
        """A digest of each order of a day, by its number; equal as long as its lines are."""
        rows = self._records("order_digests", _on([day]) | {"marketplace": marketplace})
        return {row["order_id"]: row["digest"] for row in rows}

    def order_lines(
        self, day: dt.date, marketplace: str | None, orders: Collection[str]
    ) -> list[dict[str, Any]]:
        """The lines of some orders of a day, flags as they are understood."""
        chosen = {"marketplace": marketplace, "orders": list(orders)}
        return self._records("order_lines", _on([day]) | chosen)

    def _records(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(self._statement(name), parameters)
            return cursor.fetchall()


def _on(days: Collection[dt.date]) -> dict[str, object]:
    """A statement's parameters: the days, and bounds around them, which an index serves."""
    after = max(days) + dt.timedelta(days=1)
    return {"first": min(days), "after": after, "days": sorted(days)}


def read_statement(name: str) -> sql.SQL:
    """The text of ``sql/<name>.sql``."""
    text = resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
    return sql.SQL(text)
