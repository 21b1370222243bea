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
