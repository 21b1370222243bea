"""What days and snapshots looked like, as the lake has them: what drift is judged by."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from rfm_platform.customers.segments import Segments
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.lake import Lake


@dataclass(frozen=True)
class SnapshotShape:
    """A snapshot in figures.

    Attributes:
        segments: customers by segment, as the segment file names their scores today; empty: there
            is no such snapshot.
        thresholds: its rows of rfm_thresholds.
    """

    segments: dict[str, int]
    thresholds: list[dict[str, Any]]


def figures_of_days(
    lake: Lake, engine: DuckDBEngine, first: dt.date, last: dt.date
) -> list[dict[str, Any]]:
    """What happened on each day between two dates, inclusive: rows of ``day_figures.sql``."""
    with engine.session() as session:
        session.view(lake.source_orders, first, last)
        session.view(lake.aggregated_monthly)
        return session.records(read_sql(__package__, "day_figures"), first=first, last=last)


def shape_of_snapshot(
    lake: Lake, engine: DuckDBEngine, as_of: dt.date, segments: Segments
) -> SnapshotShape:
    """The segments and thresholds of a snapshot.

    A snapshot keeps the names that it was scored with: by those, a segment that was renamed since
    would have lost all its customers.
    """
    with engine.session() as session:
        session.view(lake.rfm_scores, as_of, as_of)
        session.view(lake.rfm_thresholds, as_of, as_of)
        sizes: Counter[str] = Counter()
        for *cell, customers in session.rows(read_sql(__package__, "cell_sizes")):
            sizes[segments.cells[tuple(cell)]] += customers
        return SnapshotShape(
            segments=dict(sizes),
            thresholds=session.records("FROM rfm_thresholds ORDER BY scope, metric"),
        )


def first_days_of_marketplaces(
    lake: Lake, engine: DuckDBEngine, as_of: dt.date
) -> dict[str | None, dt.date]:
    """Since when each marketplace has had orders that count, as a snapshot's customers know it."""
    with engine.session() as session:
        session.view(lake.final_user_analysis, as_of, as_of)
        return dict(session.rows(read_sql(__package__, "first_days_of_marketplaces")))


def customers_of_scores(lake: Lake, engine: DuckDBEngine, as_of: dt.date) -> list[dict[str, Any]]:
    """What a snapshot was scored with: rows of ``customers_of_scores.sql``."""
    with engine.session() as session:
        session.view(lake.rfm_thresholds, as_of, as_of)
        session.view(lake.rfm_scores, as_of, as_of)
        return session.records(read_sql(__package__, "customers_of_scores"))
