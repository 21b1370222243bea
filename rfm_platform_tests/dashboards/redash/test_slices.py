"""Whether our queries show the slice and the day that were chosen, and no other."""

from typing import Any

import pytest

from rfm_platform.dashboards.redash.declaration import Query, load_declaration
from rfm_platform.dashboards.redash.proof import read_result
from rfm_platform_tests.dashboards.conftest import Reported

CHOICES = {
    "everything": ({}, "2024-02-29", ("all", None, None)),
    "a marketplace": ({"marketplace": "lazada"}, "2024-02-29", ("marketplace", "lazada", None)),
    "a shop": ({"shop": "shopee/S2"}, "2024-02-29", ("shop", "shopee", "S2")),
    "a shop before a marketplace": (
        {"shop": "shopee/S2", "marketplace": "lazada"},
        "2024-02-29",
        ("shop", "shopee", "S2"),
    ),
    "an earlier day": ({"as_of": "2024-01-31"}, "2024-01-31", ("all", None, None)),
    "a shop that is not there": ({"shop": "shopee/L1"}, "2024-02-29", ("shop", "shopee", "L1")),
}


def chosen(query: Query, values: dict[str, str]) -> Query:
    """A query whose parameters begin with other values."""
    parameters = [
        {**each, "value": values.get(each["name"], each["value"])} for each in query.parameters
    ]
    return query.model_copy(update={"parameters": parameters})


@pytest.mark.parametrize("choice", CHOICES)
def test_segments_are_those_of_the_chosen_slice_and_day(reported: Reported, choice: str) -> None:
    values, as_of, slice_ = CHOICES[choice]
    query = chosen(load_declaration().queries["segment_table"], values)
    shown = read_result(reported.chain.warehouse, query, 60).rows
    held: list[dict[str, Any]] = reported.chain.platform.warehouse.rows(
        "SELECT * FROM rfm.rfm_segments_snapshots"
    )
    expected = {
        (row["segment"] or "Not segmented", row["customers"], row["orders"], row["revenue"])
        for row in held
        if str(row["as_of_date"]) == as_of
        and (row["scope"], row["marketplace"], row["shop_id"]) == slice_
    }
    names = ("segment", "customers", "orders", "revenue")
    assert {tuple(row[name] for name in names) for row in shown} == expected
    assert bool(expected) == (choice != "a shop that is not there")


@pytest.mark.parametrize("choice", CHOICES)
def test_cohorts_are_those_of_the_chosen_slice_and_day(reported: Reported, choice: str) -> None:
    values, as_of, slice_ = CHOICES[choice]
    query = chosen(load_declaration().queries["cohorts"], values)
    shown = read_result(reported.chain.warehouse, query, 60).rows
    held = reported.chain.platform.warehouse.rows("SELECT * FROM rfm.cohort_retention_snapshots")
    expected = sorted(
        (f"{row['cohort_month']:%Y-%m}-15", row["months"] + 1, row["cohort_size"], row["customers"])
        for row in held
        if str(row["as_of_date"]) == as_of
        and (row["scope"], row["marketplace"], row["shop_id"]) == slice_
        and not row["is_partial"]
    )
    assert [tuple(row.values()) for row in shown] == expected


def test_the_lists_offer_every_slice_and_day_that_is_kept(reported: Reported) -> None:
    offered = {
        key: [row["value"] for row in read_result(reported.chain.warehouse, query, 60).rows]
        for key, query in load_declaration().queries.items()
        if key in ("marketplaces", "shops", "days")
    }
    assert offered["marketplaces"] == ["all", "lazada", "shopee", "tiktok shop"]
    assert set(offered["shops"]) >= {"all", "shopee/S1", "lazada/L2", "tiktok shop/T1"}
    assert offered["days"] == ["newest", "2024-02-29", "2024-01-31"]


@pytest.mark.parametrize(
    ("table", "queries"),
    [
        ("rfm_migration_snapshots", ("segment_migration", "migration_causes")),
        ("rfm_cells_snapshots", ("rfm_grid",)),
        ("rfm_concentration_snapshots", ("revenue_pyramid",)),
        ("cohort_retention_snapshots", ("cohorts", "retention_curves", "revenue_cohorts")),
    ],
)
def test_newest_is_one_day_on_every_chart_also_where_a_table_has_no_row_of_it(
    reported: Reported, table: str, queries: tuple[str, ...]
) -> None:
    """There are no moves where the last month end has no snapshot."""
    chain = reported.chain
    chain.in_warehouse(f"CREATE TABLE kept AS TABLE rfm.{table}")
    try:
        chain.in_warehouse(f"UPDATE rfm.{table} SET as_of_date = '2024-02-10'")
        shown = {
            key: read_result(chain.warehouse, load_declaration().queries[key], 60).rows
            for key in queries
        }
    finally:
        chain.in_warehouse(f"TRUNCATE rfm.{table}")
        chain.in_warehouse(f"INSERT INTO rfm.{table} TABLE kept")
        chain.in_warehouse("DROP TABLE kept")
    assert not any(shown.values())
    for key in queries:
        assert read_result(chain.warehouse, load_declaration().queries[key], 60).rows, key


def test_every_query_with_a_day_takes_the_newest_of_the_list_that_offers_it() -> None:
    resolved = "(SELECT MAX(as_of_date) FROM rfm.rfm_segments_snapshots)"
    for key, query in load_declaration().queries.items():
        has_a_day = any(parameter["name"] == "as_of" for parameter in query.parameters)
        assert has_a_day == (resolved in query.sql), key
