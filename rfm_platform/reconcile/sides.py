"""The sides of a reconciliation, asked for the same days or months: mart, lake, warehouse."""

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rfm_platform.calendar import last_day
from rfm_platform.customers.extraction import read_days, view_days
from rfm_platform.customers.shares import readers_worth_it
from rfm_platform.engine import DuckDBEngine, Session, read_sql
from rfm_platform.lake import Lake
from rfm_platform.mart import Mart
from rfm_platform.reconcile.totals import DAY_MEASURES, MONTH_MEASURES, Difference, Row, compare
from rfm_platform.warehouse import Warehouse


@dataclass(frozen=True)
class Days:
    """The lake's days against the mart's.

    Attributes:
        differences: every measure that differs.
        source: the mart's totals by day and marketplace.
        platform: the lake's.
    """

    differences: list[Difference]
    source: list[dict[str, Any]]
    platform: list[dict[str, Any]]


@dataclass(frozen=True)
class Months:
    """The published months against the mart's.

    Attributes:
        differences: every measure that differs.
        inconsistent: months that do not even equal the lake's days: computed or published wrong.
    """

    differences: list[Difference]
    inconsistent: frozenset[dt.date]


def lake_days(lake: Lake, engine: DuckDBEngine, days: Collection[dt.date]) -> list[dict[str, Any]]:
    """Totals of some of the lake's days, by day and marketplace."""
    with engine.session() as session:
        view_days(session, "source_orders", lake.source_orders.on(days))
        return totals_read(session)


def totals_read(session: Session) -> list[dict[str, Any]]:
    """Totals of ``source_orders`` in a session, by day and marketplace."""
    session.define("digested_lines", read_sql(__package__, "digested_lines"))
    return session.records(read_sql(__package__, "lake_days"))


def fingerprint(totals: Sequence[Row], day: dt.date) -> str:
    """A day's rows, as read and as understood, in one text: equal for equal rows in any order."""
    mine = sorted(
        repr([row["marketplace"], *(row[measure] for measure in DAY_MEASURES)])
        for row in totals
        if row["day"] == day
    )
    return hashlib.md5("\n".join(mine).encode(), usedforsecurity=False).hexdigest()


def last_loaded(lake: Lake, warehouse: Warehouse) -> dt.date | None:
    """The newest loaded day, if any: the lake has no partition of a day without a line."""
    loaded = lake.source_orders.partitions()
    if not loaded:
        return None
    warehouse.prepare()
    (published,) = warehouse.rows(read_sql(__package__, "last_loaded"))
    return max(loaded[-1].value, published["through"] or loaded[-1].value)


def reconcile_days(mart: Mart, lake: Lake, engine: DuckDBEngine, days: Collection[dt.date]) -> Days:
    """Holds some of the lake's days against what the mart has now."""
    with mart.snapshot() as snapshot:
        lines = sum(day.rows for day in lake.source_orders.on(days))
        shares = _shares(sorted(days), readers_worth_it(lines, snapshot.readers))
        readers = snapshot.together(len(shares))
        # The lake is counted while the mart is, each share over a connection of its own.
        with ThreadPoolExecutor(1 + len(shares)) as threads:
            counted = threads.submit(lake_days, lake, engine, days)
            found = [
                threads.submit(reader.totals, "days", share)
                for reader, share in zip(readers, shares, strict=True)
            ]
            source = [row for rows in found for row in rows.result()]
            platform = counted.result()
    differences = compare(source, platform, period="day", measures=DAY_MEASURES)
    return Days(differences, source, platform)


def _shares(days: Sequence[dt.date], number: int) -> list[Sequence[dt.date]]:
    """Days in at most so many runs of about the same length; at least one, be it empty."""
    length = max(1, -(-len(days) // number))
    return [days[first : first + length] for first in range(0, len(days), length)] or [days]


def reads_faithfully(mart: Mart, engine: DuckDBEngine, day: dt.date) -> bool:
    """Whether a day that is read now equals the mart's totals of the same snapshot."""
    with mart.snapshot() as snapshot, engine.session() as session:
        source = snapshot.totals("days", [day])
        read_days(session, snapshot, [day])
        platform = totals_read(session)
    return not compare(source, platform, period="day", measures=DAY_MEASURES)


def reconcile_months(
    mart: Mart,
    lake: Lake,
    engine: DuckDBEngine,
    warehouse: Warehouse,
    months: Collection[dt.date],
    *,
    loaded: Collection[dt.date] = (),
) -> Months:
    """Holds published months against what the mart has now for the days that are loaded.

    Args:
        months: first days.
        loaded: days that count as loaded also where the lake has no line of them; those of other
            months do not matter.
    """
    with_lines = [
        day for month in months for day in lake.source_orders.partitions(month, last_day(month))
    ]
    days = {day.value for day in with_lines} | {d for d in loaded if d.replace(day=1) in months}
    with mart.snapshot() as snapshot:
        source = snapshot.totals("months", days)
    published = warehouse.rows(read_sql(__package__, "warehouse_months"), {"months": list(months)})
    differences = compare(source, published, period="month", measures=MONTH_MEASURES)
    if not differences:
        return Months([], frozenset())
    with engine.session() as session:
        view_days(session, "source_orders", with_lines)
        own = session.records(read_sql("rfm_platform.customers", "month_totals"))
    inconsistent = compare(own, published, period="month", measures=MONTH_MEASURES)
    return Months(differences, frozenset(difference.period for difference in inconsistent))
