"""The report's figures, as the warehouse has them, by slice. What must be hidden is decided later.

A slice is named by a tuple: ``()`` is everything, ``(marketplace,)`` a marketplace and
``(marketplace, shop_id)`` a shop.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rfm_platform.engine import read_sql
from rfm_platform.errors import PlatformError
from rfm_platform.warehouse import Warehouse

Slice = tuple[str | None, ...]
Row = Mapping[str, Any]


class NoSnapshotError(PlatformError):
    """There is no analysis of that day to report on."""


@dataclass(frozen=True)
class Figures:
    """Everything that the page could show.

    Attributes:
        slices: a row each: shop_name, withheld, customers, orders, revenue.
        campaigns: a row per campaign, period and outcome, of all customers.
        forecast: a row per decile, of all customers.
        shops_left_out: shops that are no slices of the report.
        from_date: the earlier snapshot that moves are told from; None: there is none.
    """

    as_of: dt.date
    from_date: dt.date | None
    shops_left_out: int
    slices: dict[Slice, Row]
    segments: dict[Slice, list[Row]] = field(default_factory=dict)
    cells: dict[Slice, list[Row]] = field(default_factory=dict)
    curve: dict[Slice, list[Row]] = field(default_factory=dict)
    moves: dict[Slice, list[Row]] = field(default_factory=dict)
    cohorts: dict[Slice, list[Row]] = field(default_factory=dict)
    campaigns: list[Row] = field(default_factory=list)
    forecast: list[Row] = field(default_factory=list)


def read_figures(warehouse: Warehouse, as_of: dt.date, shops: int) -> Figures:
    """Reads a day's figures.

    Args:
        shops: how many shops, the largest revenue first, can be shown alone.

    Raises:
        NoSnapshotError: nothing is published for the day.
    """

    def read(name: str) -> list[dict[str, Any]]:
        return warehouse.rows(read_sql(__package__, name), {"as_of": as_of})

    warehouse.prepare()
    found = {_slice(row): row for row in read("slices")}
    if not found:
        raise NoSnapshotError(
            f"There are no segments of {as_of} in the warehouse: materialize that day's snapshot."
        )
    all_shops = [
        key for key, row in found.items() if row["scope"] == "shop" and row["withheld"] is None
    ]
    chosen = {*all_shops[:shops], *(key for key in found if len(key) < 2)}
    moves = read("moves")
    return Figures(
        as_of=as_of,
        from_date=moves[0]["from_date"] if moves else None,
        shops_left_out=sum(len(key) == 2 for key in found) - len(all_shops[:shops]),
        slices={key: found[key] for key in sorted(chosen, key=_by_name(found))},
        segments=_by_slice(read("segments"), chosen),
        cells=_by_slice(read("cells"), chosen),
        curve=_by_slice(read("curve"), chosen),
        moves=_by_slice(moves, chosen),
        cohorts=_by_slice(read("cohorts"), chosen),
        campaigns=[*read("campaigns")],
        forecast=[*read("forecast")],
    )


def _slice(row: Row) -> Slice:
    if row["scope"] == "all":
        return ()
    if row["scope"] == "marketplace":
        return (row["marketplace"],)
    return (row["marketplace"], row["shop_id"])


def _by_name(found: Mapping[Slice, Row]) -> Any:
    return lambda key: (
        tuple(map(str, key[:1])),
        len(key),
        str(found[key]["shop_name"]),
        tuple(map(str, key)),
    )


def _by_slice(rows: Iterable[Row], chosen: set[Slice]) -> dict[Slice, list[Row]]:
    by_slice: dict[Slice, list[Row]] = defaultdict(list)
    for row in rows:
        if (key := _slice(row)) in chosen:
            by_slice[key].append(row)
    return dict(by_slice)
