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
        left_out: shops that are no slices of the report, likewise. Their segments, cells, moves and
            cohorts are here as well: slices that are shown tell of them.
        campaigns: a row per campaign, period and outcome, of all customers.
        forecast: a row per decile, of all customers.
        from_date: the earlier snapshot that moves are told from; None: there is none.
    """

    as_of: dt.date
    from_date: dt.date | None
    slices: dict[Slice, Row]
    left_out: dict[Slice, Row] = field(default_factory=dict)
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
    left_out: dict[Slice, Row] = {key: row for key, row in found.items() if key not in chosen}
    moves = read("moves")
    return Figures(
        as_of=as_of,
        from_date=moves[0]["from_date"] if moves else None,
        slices={key: found[key] for key in sorted(chosen, key=_by_name(found))},
        left_out=left_out,
        segments=_by_slice(read("segments")),
        cells=_by_slice(read("cells")),
        curve=_by_slice(read("curve")),
        moves=_by_slice(moves),
        cohorts=_by_slice(read("cohorts")),
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


def _by_slice(rows: Iterable[Row]) -> dict[Slice, list[Row]]:
    by_slice: dict[Slice, list[Row]] = defaultdict(list)
    for row in rows:
        by_slice[_slice(row)].append(row)
    return dict(by_slice)
