"""The ledger of restatements: what changed in figures that were already published, and by how much.

A month that grows by a new day is not restated. So both sides count the days up to the newest one
that had been loaded when the month was published: what the month said of them, and what it says of
them now. A day among them that had been loaded without an order, or not at all, counts without one
on the side before: so the month was published, up to a later day.

Compared are orders, units and GMV, per shop, and by a digest those of its customers by region. What
moves between shops of a marketplace or between customers leaves its totals as they were, and so
does what changes GMV in the row's own currency alone: its row then has the same before and after.
Names, SKUs, times and shipping fees are not compared.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

# The ledger's name of each measure, and the totals' one.
MEASURES = {
    "total_order": "valid_orders",
    "total_cancelled": "cancelled_orders",
    "total_returned": "returned_orders",
    "total_quantity": "units",
    "total_gmv_base_amount": "gmv_base",
    "customers": "customers",
}
DIGEST = "digest"
Totals = Mapping[str | None, Mapping[str, Any]]


def restatements(
    before: Totals, after: Totals, *, month: dt.date, through: dt.date, run_id: str, at: dt.datetime
) -> list[dict[str, Any]]:
    """The ledger's rows: one for each marketplace whose figures differ, its own or a shop's.

    Args:
        before: each marketplace's measures as they were published.
        after: as they are now, over the same days.
        month: first day of the month.
        through: the last of these days.
        run_id: of the run that publishes them.
        at: when, local time.
    """
    rows = []
    for marketplace in sorted(before.keys() | after.keys(), key=str):
        old, new = _measures(before, marketplace), _measures(after, marketplace)
        if old != new or _shops(before, marketplace) != _shops(after, marketplace):
            row: dict[str, Any] = {
                "restated_at": at,
                "run_id": run_id,
                "month_of_order": month,
                "marketplace": marketplace,
                "through": through,
            }
            for measure in MEASURES:
                row |= {f"{measure}_before": old[measure], f"{measure}_after": new[measure]}
            rows.append(row)
    return rows


def by_marketplace(rows: Sequence[Mapping[str, Any]]) -> dict[str | None, Mapping[str, Any]]:
    """Rows by their marketplace, and what is in their ``shops`` by the shop; one row for each."""
    return {
        row["marketplace"]: {**row, "shops": {shop["shop_id"]: shop for shop in row["shops"]}}
        for row in rows
    }


def _measures(totals: Totals, marketplace: str | None) -> dict[str, int]:
    row = totals.get(marketplace, {})
    return {measure: row.get(name) or 0 for measure, name in MEASURES.items()}


def _shops(totals: Totals, marketplace: str | None) -> dict[str | None, list[int]]:
    """What each shop adds; nothing is as no row of it."""
    found = {
        shop_id: [shop[name] or 0 for name in (*MEASURES.values(), DIGEST) if name in shop]
        for shop_id, shop in totals.get(marketplace, {}).get("shops", {}).items()
    }
    return {shop_id: added for shop_id, added in found.items() if any(added)}
