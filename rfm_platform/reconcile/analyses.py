"""What must hold between the published analyses and the published tables they were made from."""

import datetime as dt
import json
from typing import Any

from rfm_platform.customers.segments import Segments
from rfm_platform.engine import read_sql
from rfm_platform.warehouse import Warehouse

PROBLEMS_NAMED = 10


def segment_violations(
    warehouse: Warehouse, as_of: dt.date, segments: Segments | None = None
) -> list[str]:
    """Where segments, grid and concentration of a day differ from scores and customers.

    Args:
        segments: whose actions the day has; None: nobody knows, and each segment has one.
    """
    actions = None if segments is None else json.dumps(segments.actions)
    return _named(warehouse, "segment_violations", as_of=as_of, actions=actions)


def migration_violations(
    warehouse: Warehouse, as_of: dt.date, from_date: dt.date, segments: Segments
) -> list[str]:
    """Where moves and causes of a day are not what both snapshots and their thresholds give.

    Args:
        segments: names both ends.
    """
    return _named(
        warehouse,
        "migration_violations",
        as_of=as_of,
        from_date=from_date,
        cells=cells_as_json(segments),
    )


def cells_as_json(segments: Segments) -> str:
    """The segment of each cell, for JSONB_TO_RECORDSET."""
    return json.dumps(
        [
            {"r_score": r, "f_score": f, "m_score": m, "segment": name}
            for (r, f, m), name in segments.cells.items()
        ]
    )


def retention_violations(warehouse: Warehouse, as_of: dt.date) -> list[str]:
    """Where retention by slice differs from the cohort matrix and the customers of shops."""
    return _named(warehouse, "retention_violations", as_of=as_of)


def campaign_violations(warehouse: Warehouse, as_of: dt.date) -> list[str]:
    """Where the published effects of a day have parts that are not the whole."""
    rows = warehouse.rows(read_sql(__package__, "campaign_violations"), {"as_of": as_of})
    return _first(
        [f"{row['campaign']}, {row['period']}, {row['outcome']}: {row['problem']}" for row in rows]
    )


def campaigns_without_list(warehouse: Warehouse, as_of: dt.date) -> list[str]:
    """Campaigns of a day that nobody can judge, because a list of customers is gone."""
    rows = warehouse.rows(read_sql(__package__, "campaigns_without_list"), {"as_of": as_of})
    return _first([f"{row['campaign']}: {row['reason']}" for row in rows])


def _named(warehouse: Warehouse, query: str, **parameters: Any) -> list[str]:
    rows = warehouse.rows(read_sql(__package__, query), parameters)
    return _first(
        [
            f"{_slice(row['scope'], row['marketplace'], row['shop_id'])}: {row['problem']}"
            for row in rows
        ]
    )


def _first(problems: list[str]) -> list[str]:
    more = len(problems) - PROBLEMS_NAMED
    return [*problems[:PROBLEMS_NAMED], f"and {more} more"] if more > 0 else problems


def _slice(scope: str, marketplace: str | None, shop: str | None) -> str:
    if scope == "all":
        return "all"
    return f"{marketplace} shop {shop}" if scope == "shop" else str(marketplace)
