"""Whether each query with a slice shows its table's own figures, reckoned again in Python."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rfm_platform.dashboards.redash.declaration import load_declaration
from rfm_platform.dashboards.redash.proof import read_result
from rfm_platform_tests.dashboards.conftest import Reported
from rfm_platform_tests.dashboards.redash.test_slices import chosen

Row = dict[str, Any]
SLICES = {
    "everything": ({}, "2024-02-29", ("all", None, None)),
    "a marketplace": ({"marketplace": "lazada"}, "2024-02-29", ("marketplace", "lazada", None)),
    "a shop": ({"shop": "shopee/S2"}, "2024-02-29", ("shop", "shopee", "S2")),
    "an earlier day": ({"as_of": "2024-01-31"}, "2024-01-31", ("all", None, None)),
    "a shop of this test": ({"shop": "zalora/Z"}, "2024-02-29", ("shop", "zalora", "Z")),
}


def segments(held: list[Row]) -> list[Row]:
    return [
        {
            "as_of_date": f"{row['as_of_date']}",
            "segment": row["segment"] or "Not segmented",
            "customers": row["customers"],
            "customers_percent": percent(row["customers_share"]),
            "orders": row["orders"],
            "revenue": row["revenue"],
            "revenue_percent": percent(row["revenue_share"]),
            "average_order_value": pytest.approx(row["revenue"] / row["orders"], abs=0.5),
            "median_recency": row["median_recency"],
            "action": row["action"] or row["withheld"],
        }
        for row in held
    ]


def percent(share: float | None) -> Any:
    return None if share is None else pytest.approx(share * 100)


def totals(held: list[Row]) -> list[Row]:
    return [
        {
            "as_of_date": f"{held[0]['as_of_date']}" if held else "2024-02-29",
            **{name: sum(r[name] for r in held) for name in ("customers", "orders", "revenue")},
        }
    ]


def grid(held: list[Row]) -> list[Row]:
    return [
        {
            "recency": f"R{row['r_score']}",
            "frequency_monetary": f"F{row['f_score']} M{row['m_score']}",
            **{name: row[name] for name in ("segment", "customers", "revenue")},
        }
        for row in held
    ]


def pyramid(held: list[Row]) -> list[Row]:
    return [
        {
            "tier": f"Top {row['percent']} %",
            **{name: row[name] for name in ("percent", "customers", "revenue")},
            "revenue_percent": percent(row["revenue_share"]),
        }
        for row in held
        if row["percent"] in {1, 5, 20}
    ]


def ends(row: Row) -> tuple[str, str]:
    return row["from_segment"] or "First order since", row["to_segment"] or "No valid order left"


def flows(held: list[Row]) -> list[Row]:
    customers: Counter[tuple[str, str]] = Counter()
    for row in held:
        customers[ends(row)] += row["customers"]
    return [{"stage1": a, "stage2": b, "value": n} for (a, b), n in customers.items()]


def causes(held: list[Row]) -> list[Row]:
    return [
        {
            "from_date": f"{row['from_date']}",
            **dict(zip(("from_segment", "to_segment"), ends(row), strict=True)),
            "cause": row["cause"],
            "customers": row["customers"],
        }
        for row in held
        if row["cause"] != "stayed"
    ]


def curves(held: list[Row]) -> list[Row]:
    over = [r for r in held if r["months"] and r["cohort_size"] and not r["is_partial"]]
    together: defaultdict[int, list[Row]] = defaultdict(list)
    for row in over:
        if not row["is_left_truncated"]:
            together[row["months"]].append(row)
    points = [(f"{r['cohort_month']:%Y-%m}", r["months"], [r]) for r in over]
    points += [("All cohorts", months, rows) for months, rows in together.items()]
    return [
        {
            "cohort": cohort,
            "months": months,
            "retention_percent": percent(
                sum(r["customers"] for r in rows) / sum(r["cohort_size"] for r in rows)
            ),
        }
        for cohort, months, rows in points
    ]


def cohort(row: Row, total: int, value: int) -> Row:
    month = f"{row['cohort_month']:%Y-%m}-15"
    return {"cohort": month, "stage": row["months"] + 1, "total": total, "value": value}


def cohorts(held: list[Row]) -> list[Row]:
    over = [row for row in held if not row["is_partial"] and row["cohort_size"]]
    return [cohort(row, row["cohort_size"], row["customers"]) for row in over]


def revenues(held: list[Row]) -> list[Row]:
    first = {row["cohort_month"]: row["revenue"] for row in held if row["months"] == 0}
    return [
        cohort(row, first[row["cohort_month"]], row["revenue"])
        for row in held
        if not row["is_partial"] and first[row["cohort_month"]]
    ]


def by(*names: str) -> Callable[[Row], tuple[Any, ...]]:
    """A row's place; largest first by a name with a minus."""
    return lambda row: tuple(-row[n[1:]] if n.startswith("-") else row[n] for n in names)


# Of each query with a slice: its table, what it shows of it, and what its rows are sorted by.
SLICED: dict[str, tuple[str, Callable[[list[Row]], list[Row]], tuple[str, ...]]] = {
    "segment_table": ("rfm_segments_snapshots", segments, ("-revenue", "segment")),
    "slice_totals": ("rfm_segments_snapshots", totals, ()),
    "rfm_grid": ("rfm_cells_snapshots", grid, ("recency", "frequency_monetary")),
    "revenue_pyramid": ("rfm_concentration_snapshots", pyramid, ("percent",)),
    "segment_migration": ("rfm_migration_snapshots", flows, ("stage1", "stage2")),
    "migration_causes": (
        "rfm_migration_snapshots",
        causes,
        ("-customers", "from_segment", "to_segment", "cause"),
    ),
    "retention_curves": ("cohort_retention_snapshots", curves, ("cohort", "months")),
    "cohorts": ("cohort_retention_snapshots", cohorts, ("cohort", "stage")),
    "revenue_cohorts": ("cohort_retention_snapshots", revenues, ("cohort", "stage")),
}


@pytest.fixture
def shop_of_this_test(reported: Reported) -> Iterator[None]:
    """A shop with a month that is not over, cohorts of nobody, of nothing and of before; with
    customers who came, and customers of whom no order is left."""
    columns = "cohort_month, months, cohort_size, customers, revenue, is_partial, is_left_truncated"
    rows = [
        "('2023-10-01'::date, 0, 90, 90, 900, FALSE, TRUE)",
        "('2023-10-01', 1, 90, 80, 800, FALSE, TRUE)",
        "('2023-11-01', 0, 30, 30, 300, FALSE, FALSE)",
        "('2023-11-01', 1, 30, 12, 110, FALSE, FALSE)",
        "('2023-11-01', 2, 30, 9, 70, FALSE, FALSE)",
        "('2023-11-01', 3, 30, 1, 5, TRUE, FALSE)",
        "('2023-12-01', 0, 10, 10, 0, FALSE, FALSE)",
        "('2023-12-01', 1, 10, 5, 60, FALSE, FALSE)",
        "('2024-01-01', 0, 0, 0, 0, FALSE, FALSE)",
    ]
    reported.chain.in_warehouse(
        f"INSERT INTO rfm.cohort_retention_snapshots (as_of_date, scope, marketplace, shop_id, "
        f"{columns}) SELECT '2024-02-29', 'shop', 'zalora', 'Z', * "
        f"FROM (VALUES {', '.join(rows)}) AS rows"
    )
    moves = [
        "(NULL, 'Champions', 'new_order', 3)",
        "('Lost', NULL, 'cancellation', 2)",
        "('Lost', NULL, 'correction', 4)",
        "('Lost', 'Lost', 'stayed', 9)",
    ]
    reported.chain.in_warehouse(
        "INSERT INTO rfm.rfm_migration_snapshots (as_of_date, from_date, scope, marketplace, "
        "shop_id, from_segment, to_segment, cause, customers) SELECT '2024-02-29', '2024-01-31', "
        f"'shop', 'zalora', 'Z', * FROM (VALUES {', '.join(moves)}) AS moves"
    )
    yield
    for table in ("cohort_retention_snapshots", "rfm_migration_snapshots"):
        reported.chain.in_warehouse(f"DELETE FROM rfm.{table} WHERE marketplace = 'zalora'")


@pytest.mark.parametrize("key", SLICED)
def test_a_query_shows_its_tables_figures_of_each_slice_and_day(
    reported: Reported, shop_of_this_test: None, key: str
) -> None:
    table, reckon, names = SLICED[key]
    query = load_declaration().queries[key]
    held: list[Row] = reported.chain.platform.warehouse.rows(f"SELECT * FROM rfm.{table}")
    compared = 0
    for choice, (values, as_of, slice_) in SLICES.items():
        of_slice = [
            row
            for row in held
            if f"{row['as_of_date']}" == as_of
            and (row["scope"], row["marketplace"], row["shop_id"]) == slice_
        ]
        shown = read_result(reported.chain.warehouse, chosen(query, values), 60).rows
        assert shown == sorted(reckon(of_slice), key=by(*names)), choice
        compared += bool(of_slice and shown)
    assert compared >= 3, "a comparison of nothing with nothing"


def test_every_query_of_ours_is_reckoned_again_here_or_in_the_modules_beside() -> None:
    lists, trust = {"days", "marketplaces", "shops"}, {"checks", "check_summary", "restatements"}
    assert load_declaration().queries.keys() == {*SLICED, *lists, *trust, "freshness"}
