"""Totals of two sides, compared without tolerance.

Rows come as mappings from whoever computed them (the mart, the lake, the warehouse); what is
compared and how a difference reads is decided here.
"""

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

DAY_MEASURES = (
    "lines",
    "orders",
    "valid_orders",
    "cancelled_orders",
    "returned_orders",
    "gmv",
    "gmv_base",
    "units",
    "customers",
    "lines_without_customer",
    "lines_with_unknown_flag",
    "first_timestamp",
    "last_timestamp",
    "fingerprint",
    "names_fingerprint",
)
MONTH_MEASURES = (
    "rows",
    "valid_orders",
    "cancelled_orders",
    "returned_orders",
    "gmv",
    "gmv_base",
    "units",
    "customers",
    "first_timestamp",
    "last_timestamp",
)


@dataclass(frozen=True)
class Difference:
    """One measure that the two sides do not agree on.

    Attributes:
        period: the day, or the first day of the month.
        source: what the source has; None: no such marketplace there.
        platform: what the platform has; None: no such marketplace there.
    """

    period: dt.date
    marketplace: str | None
    measure: str
    source: object
    platform: object

    def row(self) -> dict[str, object]:
        """For a table that a person reads."""
        return {
            "period": self.period,
            "marketplace": self.marketplace,
            "measure": self.measure,
            "source": self.source,
            "platform": self.platform,
        }


def compare(
    source: Sequence[Row], platform: Sequence[Row], *, period: str, measures: Sequence[str]
) -> list[Difference]:
    """Every measure that differs, by period and marketplace.

    Args:
        source: rows with `period`, ``marketplace`` and each of `measures`; one a pair.
        platform: likewise, from the platform's side.
        period: ``day`` or ``month``.
        measures: the columns to compare.
    """
    left, right = (_by_key(rows, period) for rows in (source, platform))
    return [
        Difference(key[0], key[1], measure, _get(left, key, measure), _get(right, key, measure))
        for key in sorted(left.keys() | right.keys(), key=str)
        for measure in measures
        if _get(left, key, measure) != _get(right, key, measure)
    ]


def _by_key(rows: Sequence[Row], period: str) -> dict[tuple[Any, Any], Row]:
    return {(row[period], row["marketplace"]): row for row in rows}


def _get(rows: Mapping[tuple[Any, Any], Row], key: Hashable, measure: str) -> object:
    row = rows.get(key)  # type: ignore[call-overload]
    return None if row is None else row[measure]
