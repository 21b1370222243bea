"""Whether our queries show the slice and the day that were chosen, and no other."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.dashboards.redash import declaration
from rfm_platform.dashboards.redash.declaration import Query, load_declaration
from rfm_platform.dashboards.redash.filled import DEFAULTS
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


@pytest.fixture
def emptied(reported: Reported) -> Iterator[None]:
    """The newest snapshot of segments came out without rows."""
    chain, table = reported.chain, "rfm.rfm_segments_snapshots"
    chain.in_warehouse(f"CREATE TABLE kept AS TABLE {table}")
    chain.in_warehouse(f"DELETE FROM {table} WHERE as_of_date = '2024-02-29'")
    yield
    chain.in_warehouse(f"TRUNCATE {table}")
    chain.in_warehouse(f"INSERT INTO {table} TABLE kept")
    chain.in_warehouse("DROP TABLE kept")


def test_newest_is_the_newest_that_was_published_also_where_it_has_no_rows(
    reported: Reported, emptied: None
) -> None:
    """As in the views: the day before does not stand as current."""
    queries, database = load_declaration().queries, reported.chain.warehouse
    assert reported.chain.in_warehouse("SELECT FROM rfm.rfm_segments") == []
    assert read_result(database, queries["segment_table"], 60).rows == []
    assert read_result(database, queries["cohorts"], 60).rows != [], "of that same day"
    before = chosen(queries["segment_table"], {"as_of": "2024-01-31"})
    assert read_result(database, before, 60).rows


NOBODY = {"customers": 0, "orders": 0, "revenue": 0}


def test_a_day_with_a_snapshot_has_totals_also_of_nobody(reported: Reported, emptied: None) -> None:
    query = load_declaration().queries["slice_totals"]
    of_nobody = chosen(query, {"shop": "shopee/L1", "as_of": "2024-01-31"})
    for each, as_of in ((query, "2024-02-29"), (of_nobody, "2024-01-31")):
        shown = read_result(reported.chain.warehouse, each, 60).rows
        assert shown == [{"as_of_date": as_of, **NOBODY}]


def test_a_day_without_a_snapshot_has_no_totals(reported: Reported) -> None:
    """A list that Redash has kept may offer a day that retention has removed since."""
    query = chosen(load_declaration().queries["slice_totals"], {"as_of": "2024-02-10"})
    assert read_result(reported.chain.warehouse, query, 60).rows == []


TABLES = sorted(
    {
        table
        for query in load_declaration().queries.values()
        for table in re.findall(r"rfm\.(?!newest)\w+_snapshots", query.sql)
    }
)


@pytest.fixture
def nameless(reported: Reported) -> Iterator[None]:
    """Orders without a marketplace, and others without a shop."""
    chain = reported.chain
    changes = (("marketplace", "tiktok shop", "TRUE"), ("shop_id", "L2", "scope = 'shop'"))
    for table in TABLES:
        for column, name, _ in changes:
            chain.in_warehouse(f"UPDATE {table} SET {column} = NULL WHERE {column} = '{name}'")
    yield
    for table in TABLES:
        for column, name, which in changes:
            chain.in_warehouse(
                f"UPDATE {table} SET {column} = '{name}' "
                f"WHERE scope <> 'all' AND {column} IS NULL AND {which}"
            )


SLICED = [key for key, query in load_declaration().queries.items() if query.lists]
NAMELESS = {
    ("marketplace", "tiktok shop"): ("marketplace", "–"),
    ("shop", "tiktok shop/T1"): ("shop", "–/T1"),
    ("shop", "lazada/L2"): ("shop", "lazada/–"),
}


@pytest.fixture
def named(reported: Reported) -> dict[tuple[str, str], list[Any]]:
    """What each query shows of the slices while they have names; before `nameless`."""
    return {
        (key, value): read_result(
            reported.chain.warehouse, chosen(load_declaration().queries[key], {name: value}), 60
        ).rows
        for key in SLICED
        for name, value in NAMELESS
    }


def test_what_has_no_marketplace_or_shop_is_listed_and_shown(
    reported: Reported, named: dict[tuple[str, str], list[Any]], nameless: None
) -> None:
    queries = load_declaration().queries
    database = reported.chain.warehouse
    marketplaces = [row["value"] for row in read_result(database, queries["marketplaces"], 60).rows]
    assert marketplaces[0] == "all", "what lies before it by its name comes after it"
    assert sorted(marketplaces) == ["all", "lazada", "shopee", "–"]
    shops = {row["value"]: row["name"] for row in read_result(database, queries["shops"], 60).rows}
    assert {"–/T1", "lazada/–"} < set(shops)
    assert None not in {*shops, *shops.values()}
    for key in SLICED:
        for (name, before), (_, value) in NAMELESS.items():
            shown = read_result(database, chosen(queries[key], {name: value}), 60).rows
            assert shown == named[key, before], (key, value)
    assert all(
        named["slice_totals", before][0]["customers"] > 0
        and named["segment_table", before]
        and named["cohorts", before]
        for _, before in NAMELESS
    )


@pytest.fixture(
    params=["all", "$", "a$v$b", "a$v", "a$$b", "o'br\\ien", "50%", "%24", "%61ll", "{{ shop }}"]
)
def odd(
    reported: Reported, named: dict[tuple[str, str], list[Any]], request: pytest.FixtureRequest
) -> Iterator[str]:
    """A marketplace, and a shop of another one, with a name that means something in the text."""
    chain = reported.chain
    for table in TABLES:
        for column, name in (("marketplace", "tiktok shop"), ("shop_id", "L2")):
            rename = f"UPDATE {table} SET {column} = %s WHERE {column} = %s"
            chain.in_warehouse(rename, request.param, name)
    yield request.param
    for table in TABLES:
        for column, name in (("marketplace", "tiktok shop"), ("shop_id", "L2")):
            rename = f"UPDATE {table} SET {column} = %s WHERE {column} = %s"
            chain.in_warehouse(rename, name, request.param)


def test_what_a_list_offers_chooses_it_whatever_it_is_called(
    reported: Reported, named: dict[tuple[str, str], list[Any]], odd: str
) -> None:
    queries, database = load_declaration().queries, reported.chain.warehouse
    marketplaces = read_result(database, queries["marketplaces"], 60).rows
    shops = read_result(database, queries["shops"], 60).rows
    (marketplace,) = [row["value"] for row in marketplaces if row["name"] == odd]
    (of_it,) = [row["value"] for row in shops if row["name"].endswith(f" ({odd})")]
    known = {"all", "lazada/L1", "shopee/S1", "shopee/S2", "shopee/S3", of_it}
    (shop,) = [row["value"] for row in shops if row["value"] not in known]
    for key in SLICED:
        for (name, before), value in zip(NAMELESS, (marketplace, of_it, shop), strict=True):
            shown = read_result(database, chosen(queries[key], {name: value}), 60).rows
            assert shown == named[key, before], (key, value)
    everybody = read_result(database, queries["slice_totals"], 60).rows[0]["customers"]
    assert everybody > named["slice_totals", "tiktok shop"][0]["customers"]


def test_what_a_list_offers_ends_no_text(reported: Reported, odd: str) -> None:
    for key in ("marketplaces", "shops"):
        query = load_declaration().queries[key]
        assert not any(
            "$" in row["value"] for row in read_result(reported.chain.warehouse, query, 60).rows
        )


AMOUNTS = {
    "slice_totals": {"revenue"},
    "segment_table": {"revenue", "average_order_value"},
    "rfm_grid": {"revenue"},
    "revenue_pyramid": {"revenue"},
    "restatements": {"gmv"},
}


@pytest.fixture
def restated(reported: Reported) -> Iterator[None]:
    """A month that was published twice."""
    reported.chain.in_warehouse(
        "INSERT INTO rfm.restatements (restated_at, run_id, month_of_order, "
        "total_gmv_base_amount_before, total_gmv_base_amount_after) "
        "VALUES ('2024-02-29', 'of this test', '2024-01-01', 100050, 100000)"
    )
    yield
    reported.chain.in_warehouse("DELETE FROM rfm.restatements WHERE run_id = 'of this test'")


@pytest.mark.parametrize("decimals", [1, 2])
def test_amounts_are_in_units_of_the_currency(
    reported: Reported, restated: None, decimals: int
) -> None:
    as_stored, divided = (
        load_declaration(values={**DEFAULTS, "RFM_CURRENCY_DECIMALS": str(each)}).queries
        for each in (0, decimals)
    )
    averages = {
        row["segment"] or "Not segmented": row["average_order_value"]
        for row in reported.chain.platform.warehouse.rows(
            "SELECT segment, average_order_value FROM rfm.rfm_segments_snapshots "
            "WHERE scope = 'all' AND as_of_date = '2024-02-29'"
        )
    }
    for key, columns in AMOUNTS.items():
        before = read_result(reported.chain.warehouse, as_stored[key], 60).rows
        after = read_result(reported.chain.warehouse, divided[key], 60).rows
        assert before, key
        for row, shown in zip(before, after, strict=True):
            stored = dict(row)
            if "average_order_value" in columns:
                stored["average_order_value"] = averages[row["segment"]]
            expected = stored | {
                name: pytest.approx(stored[name] / 10**decimals, abs=0.51 / 10**decimals)
                for name in columns
                if stored[name] is not None
            }
            assert shown == expected, key


def test_revenue_of_cohorts_is_in_whole_units_of_the_currency(reported: Reported) -> None:
    """Redash cuts a cohort's figures to whole numbers."""
    as_stored, divided = (
        read_result(
            reported.chain.warehouse,
            load_declaration(values={**DEFAULTS, "RFM_CURRENCY_DECIMALS": each}).queries[
                "revenue_cohorts"
            ],
            60,
        ).rows
        for each in ("0", "2")
    )
    assert as_stored
    for before, after in zip(as_stored, divided, strict=True):
        assert after == before | {
            name: math.floor(before[name] / 100 + 0.5) for name in ("total", "value")
        }


def test_every_query_of_ours_with_an_amount_knows_the_currencys_decimals() -> None:
    named = {
        file.stem
        for file in Path(declaration.__file__).parent.glob("*.sql")
        if re.search(r"\b(revenue|average_order_value|\w*gmv\w*)\b", file.read_text("utf-8"))
    }
    assert named == {*AMOUNTS, "revenue_cohorts"}


@pytest.fixture
def truncated(reported: Reported) -> Iterator[None]:
    """A shop whose first cohort is its customers of before; another one has no cohort but that."""
    rows = [
        ("Z1", "2023-10-01", 100, 90, True),
        ("Z1", "2023-11-01", 10, 1, False),
        ("Z1", "2023-12-01", 30, 3, False),
        ("Z2", "2023-10-01", 100, 90, True),
    ]
    for shop, month, size, customers, is_first in rows:
        reported.chain.in_warehouse(
            "INSERT INTO rfm.cohort_retention_snapshots (as_of_date, scope, marketplace, shop_id, "
            "cohort_month, cohort_size, months, customers, is_partial, is_left_truncated) "
            f"VALUES ('2024-02-29', 'shop', 'zalora', '{shop}', '{month}', {size}, 1, {customers}, "
            f"FALSE, {is_first})"
        )
    yield
    reported.chain.in_warehouse(
        "DELETE FROM rfm.cohort_retention_snapshots WHERE marketplace = 'zalora'"
    )


def test_the_curve_of_all_cohorts_leaves_out_customers_of_before(
    reported: Reported, truncated: None
) -> None:
    query = load_declaration().queries["retention_curves"]
    shown = {
        shop: [
            (row["cohort"], row["retention_percent"])
            for row in read_result(
                reported.chain.warehouse, chosen(query, {"shop": f"zalora/{shop}"}), 60
            ).rows
        ]
        for shop in ("Z1", "Z2")
    }
    assert dict(shown["Z1"]) == {"2023-10": 90, "2023-11": 10, "2023-12": 10, "All cohorts": 10}
    assert shown["Z2"] == [("2023-10", 90)]


NEWEST = """
            GREATEST(
                (SELECT MAX(as_of_date) FROM rfm.rfm_segments_snapshots),
                (
                    SELECT as_of_date FROM rfm.newest_snapshots
                    WHERE table_name = 'rfm_segments_snapshots'
                )
            )
"""


def test_every_query_with_a_day_takes_the_newest_of_the_list_that_offers_it() -> None:
    for key, query in load_declaration().queries.items():
        has_a_day = any(parameter["name"] == "as_of" for parameter in query.parameters)
        assert has_a_day == (NEWEST in query.sql), key
