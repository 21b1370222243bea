"""What is wrong with the source rows of a day, counted: nothing is guessed or mended here."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rfm_platform.customers.extraction import view_days
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake


@dataclass(frozen=True)
class Quality:
    """Findings by day; a day without lines is in none of them.

    Attributes:
        counts: lines, unknown_flags, unreadable_fees, without_customer, incomplete.
        unknown_flags: (flag column, value, lines), most lines first.
        split_orders: (marketplace, order_id, its days) of orders that have another day.
    """

    counts: dict[dt.date, dict[str, int]]
    unknown_flags: dict[dt.date, list[tuple[str, str, int]]]
    split_orders: dict[dt.date, list[tuple[str, str, list[dt.date]]]]


def examine_days(lake: Lake, engine: DuckDBEngine, days: Collection[dt.date]) -> Quality:
    """Examines some of the lake's days."""
    flags: dict[dt.date, list[tuple[str, str, int]]] = defaultdict(list)
    split: dict[dt.date, list[tuple[str, str, list[dt.date]]]] = defaultdict(list)
    with engine.session() as session:
        view_days(session, "source_orders", lake.source_orders.on(days))
        session.view(lake.source_orders, name="loaded_orders")
        counts: dict[dt.date, dict[str, Any]] = {
            row.pop("day"): row for row in session.records(read_sql(__package__, "quality_days"))
        }
        for day, flag, value, lines in session.rows(read_sql(__package__, "unknown_flags")):
            flags[day].append((flag, value, lines))
        for marketplace, order, its_days in session.rows(
            read_sql(__package__, "orders_on_two_days")
        ):
            for day in its_days:
                split[day].append((marketplace, order, its_days))
    return Quality(counts, dict(flags), dict(split))
