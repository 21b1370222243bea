"""Whether the queries without a slice show what the platform noted: verdicts, changes, lists."""

from collections.abc import Iterator

import pytest

from rfm_platform.dashboards.redash.declaration import load_declaration
from rfm_platform.dashboards.redash.proof import read_result
from rfm_platform_tests.dashboards.conftest import Reported


def test_the_lists_name_a_shop_with_its_marketplace(reported: Reported) -> None:
    query = load_declaration().queries["shops"]
    shown = [tuple(row.values()) for row in read_result(reported.chain.warehouse, query, 60).rows]
    held = reported.chain.platform.warehouse.rows(
        "SELECT marketplace, shop_id, shop_name FROM rfm.rfm_segments_snapshots "
        "WHERE scope = 'shop'"
    )
    assert sorted(shown) == sorted(
        {
            ("all", "All shops"),
            *(
                (f"{r['marketplace']}/{r['shop_id']}", f"{r['shop_name']} ({r['marketplace']})")
                for r in held
            ),
        }
    )


def test_a_renamed_shop_is_listed_by_its_newest_name_after_all_shops(reported: Reported) -> None:
    chain, query = reported.chain, load_declaration().queries["shops"]
    rename = (
        "UPDATE rfm.rfm_segments_snapshots SET marketplace = %s, shop_name = %s "
        "WHERE shop_id = 'S1' AND marketplace = %s AND as_of_date {} '2024-02-29'"
    )
    ((name,),) = chain.in_warehouse(
        "SELECT DISTINCT shop_name FROM rfm.rfm_segments_snapshots "
        "WHERE shop_id = 'S1' AND marketplace = 'shopee'"
    )
    chain.in_warehouse(rename.format("<"), "akulaku", "~ old", "shopee")
    chain.in_warehouse(rename.format("="), "akulaku", name, "shopee")
    try:
        shown = [tuple(row.values()) for row in read_result(chain.warehouse, query, 60).rows]
    finally:
        chain.in_warehouse(rename.format("<="), "shopee", name, "akulaku")
    assert shown[:2] == [("all", "All shops"), ("akulaku/S1", f"{name} (akulaku)")]


VERDICTS = [
    ("rfm_scores", "scores_add_up", "2024-02-26", False, "09:00:00.5"),
    ("rfm_scores", "scores_add_up", "2024-02-27", False, "09:00:00.5"),
    ("rfm_scores", "scores_add_up", "2024-02-28", True, "09:00:00.5"),
    ("cohort_matrix", "cohorts_add_up", "2024-02-28", True, "09:00:00.7"),
    ("cohort_matrix", "cohorts_add_up", "2024-02-29", True, "09:00:00.7"),
]


@pytest.fixture
def judged(reported: Reported) -> Iterator[None]:
    """Verdicts, two of which have failed, in the place of what another test has left."""
    chain = reported.chain
    chain.in_warehouse("CREATE TABLE kept_verdicts AS TABLE rfm.check_results")
    chain.in_warehouse("TRUNCATE rfm.check_results")
    for asset, check, on, passed, at in VERDICTS:
        chain.in_warehouse(
            "INSERT INTO rfm.check_results (asset, check_name, day, passed, recorded_at) "
            f"VALUES ('{asset}', '{check}', '{on}', {passed}, '2024-03-01 {at}')"
        )
    yield
    chain.in_warehouse("TRUNCATE rfm.check_results")
    chain.in_warehouse("INSERT INTO rfm.check_results TABLE kept_verdicts")
    chain.in_warehouse("DROP TABLE kept_verdicts")


def test_failed_verdicts_are_counted_where_the_alert_looks(
    reported: Reported, judged: None
) -> None:
    queries = load_declaration().queries
    (summary,) = read_result(reported.chain.warehouse, queries["check_summary"], 60).rows
    assert summary == {
        "verdicts": 5,
        "passed": 3,
        "failed": 2,
        "recorded_at": "2024-03-01T09:00:00",
    }
    (alert,) = queries["check_summary"].alerts.values()
    assert alert.options == {"column": "failed", "op": ">", "value": 0}


def test_a_check_shows_its_verdicts_and_the_newest_day_that_failed_first_of_all(
    reported: Reported, judged: None
) -> None:
    query = load_declaration().queries["checks"]
    shown = read_result(reported.chain.warehouse, query, 60).rows
    assert [tuple(row.values()) for row in shown] == [
        ("rfm_scores", "scores_add_up", 1, 2, "2024-02-27", "2024-02-28"),
        ("cohort_matrix", "cohorts_add_up", 2, 0, None, "2024-02-29"),
    ]


RESTATED = {
    "of this test": ("2024-03-01 10:00:00.25", 40, 45, 7, 10, 3, 1, 9000, 8500),
    "of the day before": ("2024-02-29 10:00:00", 20, 20, 1, 2, 4, 8, 700, 716),
}


@pytest.fixture
def restated(reported: Reported) -> Iterator[None]:
    """Two months' figures that changed, each by another number."""
    measures = ("total_order", "total_cancelled", "total_returned", "total_gmv_base_amount")
    columns = ", ".join(f"{each}_{when}" for each in measures for when in ("before", "after"))
    for run, (at, *figures) in reversed(RESTATED.items()):
        reported.chain.in_warehouse(
            "INSERT INTO rfm.restatements (restated_at, run_id, month_of_order, marketplace, "
            f"through, {columns}) VALUES ('{at}', '{run}', '2024-01-01', 'shopee', '2024-01-31', "
            f"{', '.join(map(str, figures))})"
        )
    yield
    reported.chain.in_warehouse("DELETE FROM rfm.restatements WHERE run_id LIKE 'of th%'")


def test_a_restatement_shows_each_figures_own_difference_newest_first(
    reported: Reported, restated: None
) -> None:
    query = load_declaration().queries["restatements"]
    of_month = {"month_of_order": "2024-01-01", "marketplace": "shopee", "through": "2024-01-31"}
    assert read_result(reported.chain.warehouse, query, 60).rows == [
        {
            "restated_at": f"{at[:19]}".replace(" ", "T"),
            **of_month,
            "orders": orders - orders_before,
            "cancelled": cancelled - cancelled_before,
            "returned": returned - returned_before,
            "gmv": gmv - gmv_before,
            "run_id": run,
        }
        for run, (
            at,
            orders_before,
            orders,
            cancelled_before,
            cancelled,
            returned_before,
            returned,
            gmv_before,
            gmv,
        ) in RESTATED.items()
    ]
