"""What must hold inside a snapshot: the same sums in every table, scores by their quartiles,
cohorts that add up."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rfm_platform.customers.earlier import days_it_was_made_from
from rfm_platform.customers.segments import Segments
from rfm_platform.customers.transforms import Transforms
from rfm_platform.engine import SqlSession, read_sql
from rfm_platform.reconcile.analyses import cells_as_json
from rfm_platform.warehouse import Warehouse

# What each table has to be compared with the months, and beside that with the lake.
WITH_MONTHS = {
    "final_user_analysis": ("orders_of_shops", "orders", "gmv_base", "gmv", "units", "customers"),
    "rfm_scores": ("orders", "gmv_base", "customers"),
    "cohort_matrix": ("orders", "gmv_base", "customers"),
}
WITH_LAKE = {
    "final_user_analysis": (
        *("orders_of_shops", "gmv_base", "gmv", "units", "customers", "rows", "control"),
    ),
    "rfm_scores": ("orders", "gmv_base", "customers", "rows", "control"),
    "cohort_matrix": ("orders", "gmv_base", "customers", "rows", "control"),
}
PROBLEMS_NAMED = 10


def sums_violations(
    transforms: Transforms, warehouse: Warehouse, as_of: dt.date, table: str
) -> list[str]:
    """Where a snapshot's sums differ from the months it was made from, or from what is published.

    Args:
        table: final_user_analysis, rfm_scores or cohort_matrix.

    Raises:
        NotKeptError: what the snapshot was made from is not kept any more.
    """
    with transforms.engine.session() as session:
        transforms.view_months(session, days_it_was_made_from(session, transforms.lake, as_of))
        _view_snapshots(session, transforms, as_of)
        lake = _by_source(session.records(read_sql(__package__, "snapshot_sums"), table=table))
    published = _by_source(
        warehouse.rows(read_sql(__package__, "published_sums"), {"as_of": as_of, "table": table})
    )
    return _bounded(
        [
            *_differences(lake, "months", lake, f"{table} of the lake", WITH_MONTHS[table]),
            *_differences(lake, table, published, f"{table} of the warehouse", WITH_LAKE[table]),
        ]
    )


def score_violations(
    warehouse: Warehouse, as_of: dt.date, segments: Segments | None, *, per_marketplace: bool
) -> list[str]:
    """Which rules of scoring the published scores of a day break, and how often.

    Args:
        segments: what the day was scored with; None: nobody knows, and each cell has one segment.
    """
    (counts,) = warehouse.rows(
        read_sql(__package__, "published_scores"),
        {
            "as_of": as_of,
            "per_marketplace": per_marketplace,
            "cells": cells_as_json(segments) if segments else "[]",
        },
    )
    customers = counts.pop("customers")
    return [
        f"{rule.replace('_', ' ')}: {count} of {customers} customers"
        for rule, count in counts.items()
        if count
    ]


def cohort_violations(transforms: Transforms, as_of: dt.date) -> list[str]:
    """Which cells of a day's cohort matrix break what always holds.

    Raises:
        NotKeptError: what the snapshot was made from is not kept any more.
    """
    with transforms.engine.session() as session:
        transforms.view_months(session, days_it_was_made_from(session, transforms.lake, as_of))
        _view_snapshots(session, transforms, as_of)
        found = session.rows(read_sql(__package__, "cohort_violations"))
    return _bounded(
        [f"{marketplace} {month:%Y-%m}: {problem}" for problem, marketplace, month in found]
    )


def _view_snapshots(session: SqlSession, transforms: Transforms, as_of: dt.date) -> None:
    lake = transforms.lake
    for table in (lake.final_user_analysis, lake.rfm_scores, lake.cohort_matrix):
        session.view(table, as_of, as_of)


def _by_source(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    sources: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        sources.setdefault(row["source"], {})[row["marketplace"]] = row
    return sources


def _differences(
    expected: dict[str, dict[str, dict[str, Any]]],
    source: str,
    found: dict[str, dict[str, dict[str, Any]]],
    place: str,
    measures: Sequence[str],
) -> list[str]:
    left, right = expected.get(source, {}), found.get(place.split(maxsplit=1)[0], {})
    problems = []
    # A marketplace whose customers have no valid order is in the months and in no score.
    for marketplace in sorted(left.keys() | right.keys(), key=str):
        for measure in measures:
            want = left.get(marketplace, {}).get(measure)
            have = right.get(marketplace, {}).get(measure)
            if (want or 0) != (have or 0):
                problems.append(
                    f"{marketplace}: {measure} is {have} in {place}, {want} in {source}"
                )
    return problems


def _bounded(problems: list[str]) -> list[str]:
    if len(problems) <= PROBLEMS_NAMED:
        return problems
    return [*problems[:PROBLEMS_NAMED], f"and {len(problems) - PROBLEMS_NAMED} more"]
