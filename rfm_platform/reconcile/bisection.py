"""From a day that differs to the orders that do: both sides are asked for a few of them only."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rfm_platform.customers.extraction import view_days
from rfm_platform.engine import DuckDBEngine, Session, read_sql
from rfm_platform.lake import Lake
from rfm_platform.mart import Mart, MartSnapshot
from rfm_platform.reconcile.explain import Explanation, causes, differing
from rfm_platform.reconcile.totals import Difference

ORDERS_A_DAY = 20  # of a marketplace: a sample, and the result says how many there are


@dataclass(frozen=True)
class Explained:
    """Causes, and how many differing orders they were sampled from.

    Attributes:
        explanations: of at most `ORDERS_A_DAY` orders of each day and marketplace.
        orders: that differ, in all.
        looked_at: the orders that are explained.
    """

    explanations: list[Explanation]
    orders: int
    looked_at: int

    @property
    def summary(self) -> str:
        """A sentence that says whether this is a sample."""
        if self.orders == self.looked_at:
            return f"{self.orders} orders differ."
        return f"{self.orders} orders differ; a sample of {self.looked_at} is explained."


def explain_days(
    mart: Mart, lake: Lake, engine: DuckDBEngine, differences: Sequence[Difference]
) -> Explained:
    """Explains differences between the lake's days and the mart's.

    Args:
        mart: the source; it is read now.
        lake: the platform's side.
        engine: to read the lake with.
        differences: of days; each day and marketplace in them is looked at once.
    """
    places = sorted({(d.period, d.marketplace) for d in differences}, key=str)
    explanations: list[Explanation] = []
    orders = looked_at = 0
    with mart.snapshot() as snapshot:
        moved = _moved(lake, engine, snapshot, {day for day, _ in places})
        for day, marketplace in places:
            with engine.session() as session:
                view_days(session, "source_orders", lake.source_orders.on([day]))
                found = _differing_orders(session, snapshot, day, marketplace)
                sample = found[:ORDERS_A_DAY]
                orders += len(found)
                looked_at += len(sample)
                explanations += [
                    Explanation(marketplace, day, order, *cause, moved=day in moved)
                    for order, cause in _causes(session, snapshot, day, marketplace, sample)
                ]
    return Explained(explanations, orders, looked_at)


def _moved(
    lake: Lake, engine: DuckDBEngine, snapshot: MartSnapshot, days: Collection[dt.date]
) -> set[dt.date]:
    """Days that the mart holds otherwise than when they were read."""
    with engine.session() as session:
        view_days(session, "source_orders", lake.source_orders.on(days))
        read = dict(session.rows(read_sql("rfm_platform.customers", "day_fingerprints")))
    now = snapshot.fingerprints(days)
    return {day for day in days if read.get(day) != now.get(day)}


def _differing_orders(
    session: Session, snapshot: MartSnapshot, day: dt.date, marketplace: str | None
) -> list[str]:
    session.define("digested_lines", read_sql(__package__, "digested_lines"))
    platform = dict(
        session.rows(read_sql(__package__, "lake_order_digests"), marketplace=marketplace)
    )
    return differing(snapshot.order_digests(day, marketplace), platform)


def _causes(
    session: Session,
    snapshot: MartSnapshot,
    day: dt.date,
    marketplace: str | None,
    orders: Sequence[str],
) -> list[tuple[str, tuple[str, str, str]]]:
    source = snapshot.order_lines(day, marketplace, orders)
    platform = session.records(
        read_sql(__package__, "lake_order_lines"), marketplace=marketplace, orders=list(orders)
    )
    return [
        (order, cause)
        for order in orders
        for cause in causes(
            [line for line in source if line["order_id"] == order],
            [line for line in platform if line["order_id"] == order],
        )
    ]
