"""The report's file: what it must never hold, how large it gets, and what is said without one."""

import copy
import datetime as dt
from dataclasses import replace
from importlib import resources
from pathlib import Path

import dagster as dg
import pytest

from rfm_platform.dashboards import echarts
from rfm_platform.dashboards.echarts import LibraryError, plotting_library
from rfm_platform.dashboards.figures import NoSnapshotError
from rfm_platform.dashboards.report import page
from rfm_platform_tests.dashboards.conftest import AS_OF, Reported, payload_of


def test_every_run_succeeds_and_every_check_of_the_analyses_passes(reported: Reported) -> None:
    assert [outcome.errors for outcome in reported.outcomes if not outcome.succeeded] == []
    checks = {"segments_add_up", "moves_add_up_to_both_snapshots", "retention_adds_up"}
    verdicts = [c for o in reported.outcomes for c in o.checks if c.check in checks]
    assert {c.check for c in verdicts} == checks
    assert all(c.passed for c in verdicts), verdicts


def test_no_person_is_in_the_report(reported: Reported) -> None:
    text = reported.path.read_text(encoding="utf-8")
    assert "secret-user" not in text
    assert "Recipient" not in text


def test_no_count_below_the_minimum_is_anywhere_in_the_page(reported: Reported) -> None:
    payload = payload_of(reported.path)
    hidden = 0
    for one in payload["slices"]:
        counts = [one["customers"], one["customers_before"]]
        counts += [count for s in one["segments"] for count in (s["customers"], s["before"])]
        counts += [customers for customers, _ in one["cells"]]
        counts += [customers for _, customers, _ in one["curve"]]
        counts += [c for f in one["flows"] for c in (f["customers"], *f["causes"].values())]
        counts += [cell and cell[0] for c in one["cohorts"] for cell in c["cells"]]
        counts += [cohort["size"] for cohort in one["cohorts"]]
        counts += [count for month in one["months"] for count in (month["active"], month["new"])]
        assert all(c is None or c == 0 or c >= payload["min_cell"] for c in counts), one
        hidden += counts.count(None)
    assert hidden, "nothing was small enough to prove anything"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("rfm_segments_snapshots", "customers = customers + 1 WHERE scope = 'all'"),
        ("rfm_segments_snapshots", "revenue = revenue + 1 WHERE scope = 'shop'"),
        ("rfm_segments_snapshots", "segment = 'Other' WHERE scope = 'marketplace'"),
        ("rfm_cells_snapshots", "customers = customers + 1 WHERE r_score = 3"),
        ("rfm_concentration_snapshots", "revenue = 0 WHERE percent = 100"),
        ("rfm_migration_snapshots", "customers = customers + 1 WHERE scope = 'shop'"),
        ("rfm_migration_snapshots", "to_segment = 'Lost' WHERE to_segment = 'Champions'"),
        ("rfm_migration_snapshots", "cause = 'stayed' WHERE cause = 'time'"),
        ("rfm_segments_snapshots", "customers_share = customers_share / 2"),
        ("rfm_segments_snapshots", "revenue_share = NULL WHERE scope = 'shop'"),
        ("rfm_segments_snapshots", "average_order_value = 1"),
        ("rfm_segments_snapshots", "median_recency = 0 WHERE scope = 'shop'"),
        ("rfm_segments_snapshots", "action = NULL WHERE withheld IS NULL"),
        ("rfm_segments_snapshots", "action = 'greet' WHERE segment = 'Lost'"),
        ("rfm_segments_snapshots", "withheld = 'why'"),
        ("rfm_cells_snapshots", "r_score = 1, f_score = 1, m_score = 1"),
        ("rfm_cells_snapshots", "shop_id = 'nowhere' WHERE scope = 'shop'"),
        ("rfm_concentration_snapshots", "revenue = revenue * 2 WHERE percent = 20"),
        (
            "rfm_concentration_snapshots",
            "revenue = revenue + 1 WHERE percent = 2 AND shop_id = 'S1'",
        ),
        ("rfm_concentration_snapshots", "percent = 21 WHERE percent = 20"),
        ("rfm_concentration_snapshots", "revenue_share = 1 WHERE percent = 20"),
        ("rfm_migration_snapshots", "cause = 'cancellation' WHERE cause <> 'stayed'"),
        ("rfm_migration_snapshots", "cause = 'thresholds' WHERE cause = 'time'"),
        ("cohort_retention_snapshots", "customers = customers - 1 WHERE scope = 'all'"),
        ("cohort_retention_snapshots", "orders = orders + 1 WHERE scope = 'shop'"),
        ("cohort_retention_snapshots", "cumulative_revenue = 0 WHERE months = 1"),
    ],
)
def test_a_changed_figure_of_an_analysis_is_caught(
    reported: Reported, table: str, change: str
) -> None:
    verdict = _judged_after(reported, table, f"UPDATE rfm.{table} SET {change}")
    assert not verdict.passed


@pytest.mark.parametrize("table", ["rfm_segments", "rfm_cells", "rfm_concentration"])
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM rfm.{0} WHERE scope = 'marketplace' AND marketplace = 'lazada'",
        "INSERT INTO rfm.{0} SELECT * FROM rfm.{0} WHERE scope = 'all'",
        "INSERT INTO rfm.{0} SELECT (l).* FROM (SELECT JSONB_POPULATE_RECORD(s, "
        """'{{"scope": "shop", "marketplace": "x", "shop_id": "y"}}') AS l """
        "FROM rfm.{0} AS s WHERE scope = 'all') AS of_no_shop",
    ],
)
def test_lost_and_invented_rows_of_the_segments_are_caught(
    reported: Reported, table: str, change: str
) -> None:
    table = f"{table}_snapshots"
    assert not _judged_after(reported, table, change.format(table)).passed


def test_actions_of_an_earlier_segment_file_stay_right(reported: Reported) -> None:
    """The day says which version it was made with; what is known without it is still looked at."""
    file = reported.chain.settings.home / "segments.yaml"
    text = resources.files("rfm_platform.customers").joinpath("segments.yaml").read_text("utf-8")
    edited = text.replace("version: 1", "version: 2").replace("Leave out of", "Let alone in")
    file.write_text(edited, encoding="utf-8")
    settings = reported.chain.settings.model_copy(update={"segments_file": file})
    later = replace(reported.chain, settings=settings)
    verdict = later.check("segments_add_up", AS_OF.isoformat())
    assert verdict.passed, verdict.description
    one = "UPDATE rfm.rfm_segments_snapshots SET action = 'greet' WHERE scope = 'all'"
    verdict = _judged_after(reported, "rfm_segments_snapshots", one)
    assert "a segment has several actions" in (verdict.description or "")


def _judged_after(reported: Reported, table: str, statement: str) -> dg.AssetCheckEvaluation:
    """A check's verdict on a table that somebody has changed, which is then undone."""
    check = {
        "rfm_migration_snapshots": "moves_add_up_to_both_snapshots",
        "cohort_retention_snapshots": "retention_adds_up",
    }.get(table, "segments_add_up")
    chain = reported.chain
    assert chain.judge(check, AS_OF.isoformat()).passed
    chain.in_warehouse(f"CREATE TABLE kept AS TABLE rfm.{table}")
    try:
        chain.in_warehouse(statement)
        return chain.judge(check, AS_OF.isoformat())
    finally:
        chain.in_warehouse(f"TRUNCATE rfm.{table}")
        chain.in_warehouse(f"INSERT INTO rfm.{table} TABLE kept")
        chain.in_warehouse("DROP TABLE kept")


def test_segments_of_an_older_file_are_shown_and_add_up_to_the_total(
    reported: Reported, renamed: Path
) -> None:
    payload = payload_of(renamed)
    old = reported.chain.platform.segments()
    added = 0
    for one in payload["slices"]:
        if one["segments"]:
            assert sum(s["customers"] for s in one["segments"]) == one["customers"]
            assert sum(s["revenue"] for s in one["segments"]) == one["revenue"]
            assert sum(s["before"] for s in one["segments"]) == one["customers_before"]
            added += one["customers"]
    assert added
    actions = payload["actions"]
    assert {s["segment"] for one in payload["slices"] for s in one["segments"]} == actions.keys()
    gone = {name for name, said in actions.items() if said == "no longer in the segment file"}
    assert gone
    assert gone <= old.actions.keys()
    named = {
        segment
        for flow in payload["slices"][0]["flows"]
        for segment in flow.values()
        if isinstance(segment, str)
    }
    assert named <= actions.keys()


def test_the_grid_names_cells_as_the_snapshot_does(reported: Reported, renamed: Path) -> None:
    stored = reported.chain.in_warehouse(
        f"SELECT DISTINCT r_score, f_score, m_score, segment FROM rfm.rfm_cells_snapshots "
        f"WHERE as_of_date = '{AS_OF}'"
    )
    scores = {tuple(score) for score in payload_of(renamed)["scores"]}
    assert len(scores) == 27
    assert {*stored} <= scores


def test_five_years_of_twenty_shops_stay_below_three_megabytes(reported: Reported) -> None:
    """The largest retention triangle there could be, with figures as long as they get."""
    payload = payload_of(reported.path)
    shop = copy.deepcopy(payload["slices"][-1])
    shop["cohorts"] = [
        {
            "month": f"{2020 + n // 12}-{n % 12 + 1:02}",
            "size": 123456,
            "truncated": False,
            "cells": [[12345, 23456, 12345678901]] * (60 - n),
        }
        for n in range(60)
    ]
    payload["slices"] = [shop] * 26
    assert len(page(payload).encode()) < 3_000_000


def test_a_day_without_a_snapshot_is_an_error_that_says_what_to_do(reported: Reported) -> None:
    platform = reported.chain.platform
    with pytest.raises(NoSnapshotError, match=r"2024-02-10.*materialize"):
        platform.reports.write(dt.date(2024, 2, 10), platform.segments(), [])


def test_another_plotting_library_than_the_published_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "echarts" in plotting_library()
    monkeypatch.setattr(echarts, "FILE", "vizly/__init__.py")
    with pytest.raises(LibraryError, match="is not Apache ECharts"):
        plotting_library()
    monkeypatch.setattr(echarts, "PACKAGE", "no-such-package")
    with pytest.raises(LibraryError, match="missing"):
        plotting_library()
