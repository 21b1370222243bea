"""Small tables that a person reads: segments with their actions, retention by cohort."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from rfm_platform.customers.segments import Segments
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake
from rfm_platform.warehouse import Warehouse


@dataclass(frozen=True)
class SegmentOverview:
    """The customers of a snapshot.

    Attributes:
        segments: a row each: segment, customers, customers_percent, orders, revenue,
            revenue_percent, action.
        revenue_share_of_top_20_percent: of the revenue, 0 to 1; None without revenue.
    """

    segments: list[dict[str, Any]]
    revenue_share_of_top_20_percent: float | None


def segment_table(
    lake: Lake, engine: DuckDBEngine, segments: Segments, as_of: dt.date
) -> SegmentOverview:
    """Each segment's customers, orders and revenue as of a day, in the segment file's order.

    Segments of that day that the file no longer has come last, so that all add up to the total.
    """
    with engine.session() as session:
        session.view(lake.rfm_scores, as_of, as_of)
        found = {
            name: (customers, orders, revenue)
            for name, customers, orders, revenue in session.rows(
                read_sql(__package__, "segment_table")
            )
        }
        ((top, everything),) = session.rows(read_sql(__package__, "revenue_of_top_customers"))
    customers = sum(row[0] for row in found.values())
    rows = []
    for name, action in segments.actions_with(found).items():
        count, orders, revenue = found.get(name, (0, 0, 0))
        rows.append(
            {
                "segment": name,
                "customers": count,
                "customers_percent": _percent(count, customers),
                "orders": orders,
                "revenue": revenue,
                "revenue_percent": _percent(revenue, everything),
                "action": action,
            }
        )
    share = top / everything if everything else None
    return SegmentOverview(rows, share)


def retention_table(lake: Lake, engine: DuckDBEngine, as_of: dt.date) -> list[dict[str, Any]]:
    """Per cohort of all marketplaces: its size, and the share that bought in each month since.

    A month that has not been reached is None; a partial month ends in ``*``.
    """
    with engine.session() as session:
        session.view(lake.cohort_matrix, as_of, as_of)
        cells = session.rows(read_sql(__package__, "retention_table"))
    width = max((months for _, _, months, _, _ in cells), default=-1) + 1
    rows: dict[dt.date, dict[str, Any]] = {}
    for cohort, size, months, value, is_partial in cells:
        row = rows.setdefault(
            cohort,
            {"cohort": f"{cohort:%Y-%m}", "customers": size}
            | {f"m{n}": None for n in range(width)},
        )
        row[f"m{months}"] = f"{100 * value / size:.0f}%{'*' if is_partial else ''}"
    return list(rows.values())


def monthly_table(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Published months by marketplace: customers, orders, units and revenue."""
    warehouse.prepare()
    return warehouse.rows(read_sql(__package__, "monthly_table"))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
