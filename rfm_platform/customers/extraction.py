"""From the mart into the lake: days are read whole, and read again when the mart has changed them.

The mart does not say when a row was touched, so a day that changed is found by its fingerprint,
which the lake keeps with the day's rows. Everything that one call reads comes from one snapshot of
the mart.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from rfm_platform import catalog
from rfm_platform.calendar import days_between
from rfm_platform.customers.shares import pieces, readers_worth_it, shares_of
from rfm_platform.engine import DuckDBEngine, Session, SqlSession, read_sql
from rfm_platform.errors import PlatformError
from rfm_platform.lake import Lake, Partition
from rfm_platform.mart import MartSnapshot, Share

# Read from the mart and committed to the lake at once: at most so many days, at most so many lines
# (or one day), which bounds the memory that this takes.
DAYS_AT_ONCE = 31
LINES_AT_ONCE = 600_000

# As read_lines.sql computes it of a line.
_ORDER_HASH = "CAST(HASH(marketplace, order_id) >> 1 AS BIGINT)"
_MART_LINES = [
    *catalog.flatten_order_marketplace.columns,
    sa.Column("line_hash", sa.BigInteger),
]
_MART_NAMES = [
    *catalog.order_marketplace.columns,
    sa.Column("name_hash", sa.BigInteger),
    # Finds the names of a piece's orders among all of them: a number is looked up in no time.
    sa.Column("order_hash", sa.BigInteger, sa.Computed(_ORDER_HASH)),
]

# Orders are deleted one by one. A mart that is truncated and filled anew at night has none.
DAYS_THAT_ARE_NOT_DELETED = 7


class LostLinesError(PlatformError):
    """What arrived of some days is not as many lines as the mart has of them."""


class EmptiedMartError(PlatformError):
    """The mart has no line any more of any of many days."""


@dataclass(frozen=True)
class DayChange:
    """What happened to the lines of a day since they were last read.

    Attributes:
        added: lines that were not there.
        removed: lines that are there no more.
        altered: lines that are there with other values.
        statuses: (from, to, lines) of the altered ones whose status changed: valid, cancelled,
            returned, or unknown.
    """

    added: int = 0
    removed: int = 0
    altered: int = 0
    statuses: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Extraction:
    """Reads days of the mart into source_orders."""

    lake: Lake
    engine: DuckDBEngine

    def extract(
        self,
        snapshot: MartSnapshot,
        days: Collection[dt.date],
        progress: Callable[[dt.date], None] = lambda _: None,
        observe: Callable[[Session], None] = lambda _: None,
    ) -> None:
        """Replaces days of source_orders by the mart's rows.

        `observe` is shown the rows as they were read, in ``source_orders``; `progress` is told
        each day up to which the lake is done.

        Raises:
            LostLinesError: fewer or more lines of some days arrived than the mart has.
        """
        if not days:
            return
        with self.engine.session() as session:
            lines = snapshot.line_counts(days)
            # Once for all days: the mart may have to read all its orders.
            _read_names(session, snapshot, lines)
            for some in pieces(lines, lines_at_once=LINES_AT_ONCE, days_at_once=DAYS_AT_ONCE):
                _read_lines(session, snapshot, some)
                observe(session)
                session.replace(self.lake.source_orders, "FROM source_orders", some)
                progress(max(some))

    def days_to_look_at(
        self, start: dt.date, end: dt.date, lookback_days: int | None
    ) -> list[dt.date]:
        """Days between two dates that late changes are looked for on.

        Args:
            start: the first partition.
            end: the last day to look at.
            lookback_days: so many up to the last one, and any that the lake has no row of; None:
                all of them.
        """
        days = days_between(start, end)
        if lookback_days is None:
            return days
        loaded = {day.value for day in self.lake.source_orders.partitions(start, end)}
        oldest = end - dt.timedelta(days=lookback_days)
        return [day for day in days if day > oldest or day not in loaded]

    def drifted(self, snapshot: MartSnapshot, days: Collection[dt.date]) -> list[dt.date]:
        """Those of the days that the mart does not hold as they were read, in order.

        Raises:
            EmptiedMartError: it has no line of any of them, and had some on a week of them or more.
        """
        if not days:
            return []
        mart = snapshot.fingerprints(days)
        with self.engine.session() as session:
            view_days(session, "source_orders", self.lake.source_orders.on(days))
            lake = dict(session.rows(read_sql(__package__, "day_fingerprints")))
        if len(lake) >= DAYS_THAT_ARE_NOT_DELETED and mart.keys().isdisjoint(lake):
            first, last = min(lake), max(lake)
            raise EmptiedMartError(
                f"the mart has no line any more of any of {len(lake)} days from {first} to {last}: "
                "is it being filled anew? Nothing was read or changed. Start again when it is "
                f"full; if they are gone for good, `rfm materialize --from {first} --to {last}`"
            )
        return sorted(day for day in days if mart.get(day) != lake.get(day))

    def changes(
        self, before: Mapping[dt.date, Partition], days: Collection[dt.date]
    ) -> dict[dt.date, DayChange]:
        """What happened to each of the days since an earlier state of the lake.

        Args:
            before: partitions of source_orders as they were; those of other days do not matter.
            days: which were read again since then.
        """
        if not days:
            return {}
        earlier = [before[day] for day in sorted(days) if day in before]
        with self.engine.session() as session:
            view_days(session, "days_before", earlier)
            view_days(session, "days_now", self.lake.source_orders.on(days))
            found = session.records(read_sql(__package__, "day_changes"))
        changes = dict.fromkeys(sorted(days), DayChange())
        for row in found:
            statuses = sorted((s["before"], s["now"], s["lines"]) for s in row["statuses"] or ())
            changes[row["day"]] = DayChange(
                row["added"], row["removed"], row["altered"], tuple(statuses)
            )
        return changes


def view_days(session: SqlSession, name: str, days: Sequence[Partition]) -> None:
    """Names the lines of some days."""
    session.view_files(name, [file for day in days for file in day.files], catalog.source_orders)


def read_days(session: Session, snapshot: MartSnapshot, days: Collection[dt.date]) -> None:
    """Makes ``source_orders`` in a session from the mart's rows of some days."""
    lines = snapshot.line_counts(days)
    _read_names(session, snapshot, lines)
    _read_lines(session, snapshot, lines)


def _read_names(session: Session, snapshot: MartSnapshot, lines: Mapping[dt.date, int]) -> None:
    total = sum(lines.values())
    all_orders = snapshot.are_most_orders(total)
    # Looking for some of the orders takes each reader through all of them.
    readers = snapshot.together(readers_worth_it(total, snapshot.readers) if all_orders else 1)
    session.load_csv(
        "mart_names",
        _MART_NAMES,
        *(
            partial(reader.copy_names, Share(lines, number, len(readers)), all_orders=all_orders)
            for number, reader in enumerate(readers)
        ),
    )


def _read_lines(session: Session, snapshot: MartSnapshot, lines: Mapping[dt.date, int]) -> None:
    shares = shares_of(lines, readers_worth_it(sum(lines.values()), snapshot.readers))
    readers = snapshot.together(len(shares))
    session.load_csv(
        "mart_lines",
        _MART_LINES,
        *(partial(reader.copy_lines, share) for reader, share in zip(readers, shares, strict=True)),
    )
    ((arrived,),) = session.rows("SELECT COUNT(*) FROM mart_lines")
    if arrived != (expected := sum(lines.values())):
        raise LostLinesError(
            f"{min(lines)} to {max(lines)}: {arrived} lines arrived of {expected} that the mart "
            "has in the same snapshot. Nothing of these days was stored: run them again"
        )
    for step in ("read_lines", "read_days"):
        session.materialize(step, read_sql(__package__, step))
    session.define("source_orders", read_sql(__package__, "source_orders"))
