"""What the page says of campaigns and of the forecast: hidden where few customers stand behind."""

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.dashboards.outlook import campaigns_of, forecast_of
from rfm_platform_tests.dashboards.browser import Page
from rfm_platform_tests.dashboards.conftest import AS_OF, Changed, Reported, payload_of
from rfm_platform_tests.dashboards.test_sums import figures_of_moves, page_of

MONTH_END = dt.date(2023, 11, 30)
# Customers by cohort and month since.
RETAINED = {
    **{(dt.date(2023, 11, 1), n): size for n, size in enumerate((40, 30, 32, 3))},
    **{(dt.date(2023, 12, 1), n): size for n, size in enumerate((50, 24, 22))},
    (dt.date(2024, 1, 1), 0): 60,
    (dt.date(2024, 1, 1), 1): 16,
    (dt.date(2024, 2, 1), 0): 70,
}
OUTCOMES = {"orders": 0.25, "revenue": 12_345.0, "active": -0.031}


def _effects(name: str, matched: int | None, verdict: str, **other: Any) -> list[dict[str, Any]]:
    answered = verdict in {"higher", "lower", "unclear"}
    return [
        {
            "campaign": name,
            "first_day": dt.date(2024, 2, 1),
            "last_day": dt.date(2024, 2, 7),
            "period": "during",
            "outcome": outcome,
            "targeted_matched": matched,
            "effect": effect if answered else None,
            "effect_low": effect - abs(effect) / 2 if answered else None,
            "effect_high": effect + abs(effect) / 2 if answered else None,
            "verdict": verdict,
        }
        | other
        for outcome, effect in OUTCOMES.items()
    ]


def _decile(decile: int, customers: int, actual: int, share: float) -> dict[str, Any]:
    return {
        "forecast_date": MONTH_END,
        "decile": decile,
        "customers": customers,
        "forecast_orders": 10.04,
        "actual_orders": actual,
        "actual_active_share": share,
    }


def test_effects_of_few_customers_are_hidden() -> None:
    rows = [*_effects("Few", 4, "higher"), *_effects("Many", 5, "higher")]
    few, many = campaigns_of(rows, 5)
    assert few["customers"] is None
    assert all(effect["interval"] is None for effect in few["effects"].values())
    assert many["customers"] == 5
    assert many["effects"]["revenue"]["interval"] == [6172.5, 12345.0, 18517.5]


def test_a_campaign_without_an_answer_has_its_verdict_and_nothing_else() -> None:
    (none,) = campaigns_of(_effects("Early", None, "too_early"), 5)
    assert none["customers"] is None
    assert none["effects"]["orders"] == {"verdict": "too_early", "interval": None}


@pytest.mark.parametrize(
    ("customers", "share", "shown"),
    [(100, 0.04, False), (100, 0.05, True), (100, 0.0, True), (4, 1.0, False)],
)
def test_orders_of_few_customers_are_hidden(customers: int, share: float, shown: bool) -> None:
    (told,) = forecast_of([_decile(1, customers, 7, share)], 5)
    assert (told["actual"] == 7) is shown
    assert (told["forecast"] == 10.0) is (customers >= 5)


@pytest.mark.parametrize(
    ("active", "hidden"),
    [
        ([20, 9, 7, 6, 0], set()),
        ([20, 9, 7, 3, 0], {7, 3}),
        ([20, 2, 9, 2, 0], {2, 9}),
        ([20, 3, 7, 2, 0], {2, 3}),
        ([3, 0, 0], {3}),
    ],
    ids=["none is small", "one is", "two are together", "two are enough", "nobody else bought"],
)
def test_orders_of_a_few_customers_do_not_follow_from_those_of_all(
    active: list[int], hidden: set[int]
) -> None:
    """On a month's end the retention cells tell the orders of all deciles together."""
    told = forecast_of([_decile(n, 100, 2 * m, m / 100) for n, m in enumerate(active)], 5)
    assert {m for m, row in zip(active, told, strict=True) if row["actual"] is None} == hidden


@pytest.mark.parametrize(
    ("date", "told"), [(MONTH_END, False), (MONTH_END + dt.timedelta(1), True)]
)
def test_a_hidden_retention_cell_does_not_follow_from_the_orders_of_all_deciles(
    date: dt.date, told: bool
) -> None:
    """Within a month deciles and cells are of other days, and all may be shown."""
    figures = figures_of_moves({(): {("New", "Loyal"): 150, (None, "New"): 70}}, {(): RETAINED})
    cohorts = page_of(figures)[()]["cohorts"]
    assert cohorts[0]["cells"].count(None) == 1, "its companion is of a later cohort"
    assert cohorts[0]["cells"][3] is None
    later = sum(n for (cohort, months), n in RETAINED.items() if cohort.month == 11 and months)
    tenths = [_decile(n, 11, 2 * later // 10, 1.0) | {"forecast_date": date} for n in range(10)]
    assert sum(row["actual_orders"] for row in tenths) == 2 * later
    shown = [row["actual"] for row in forecast_of(tenths, 5, cohorts)]
    assert shown.count(None) == (0 if told else 2)


@pytest.mark.parametrize("date", [MONTH_END, MONTH_END + dt.timedelta(1)])
def test_a_hidden_cohort_does_not_follow_from_the_customers_of_the_deciles(date: dt.date) -> None:
    """They are as many in each: of one decile, nearly all are known."""
    known = {"month": "2023-10", "size": 97, "cells": [[97, 97, 97], [0, 0, 0]]}
    few: dict[str, Any] = {"month": "2023-11", "size": None, "cells": [None]}
    newer = few | {"month": "2023-12"}
    tenths = [_decile(n, 10, 0, 0.0) | {"forecast_date": date} for n in range(10)]
    of_tenths = [row["customers"] for row in forecast_of(tenths, 5, [known, few, newer])]
    assert of_tenths == [None if date == MONTH_END else 10] * 10
    assert [row["customers"] for row in forecast_of(tenths, 5, [known, newer])] == [10] * 10


def test_customers_of_a_last_decile_that_is_one_too_small_are_no_difference() -> None:
    told = forecast_of([*(_decile(n, 5, 0, 0.0) for n in range(9)), _decile(9, 4, 0, 0.0)], 5)
    assert [row["customers"] for row in told] == [None] * 10


@pytest.fixture(scope="module")
def outlook(reported: Reported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a day on which campaigns and forecast have rows, written elsewhere."""
    chain = reported.chain
    effects = [*_effects("<b>Spring</b>", 80, "higher"), *_effects("Early", None, "too_early")]
    for row in effects:
        chain.in_warehouse(
            "INSERT INTO rfm.campaign_effect_snapshots (as_of_date, breakdown, "
            f"{', '.join(row)}) VALUES (%s, 'all'{', %s' * len(row)})",
            AS_OF,
            *row.values(),
        )
    for decile in (1, 2):
        row = _decile(decile, 100, 31 * decile, 0.2)
        chain.in_warehouse(
            "INSERT INTO rfm.next_purchase_backtest_snapshots (as_of_date, "
            f"{', '.join(row)}) VALUES (%s{', %s' * len(row)})",
            AS_OF,
            *row.values(),
        )
    reports = dataclasses.replace(
        chain.platform.reports, directory=tmp_path_factory.mktemp("outlook")
    )
    try:
        return reports.write(AS_OF, chain.platform.segments(), []).path
    finally:
        for table in ("campaign_effect_snapshots", "next_purchase_backtest_snapshots"):
            chain.in_warehouse(f"DELETE FROM rfm.{table} WHERE as_of_date = '{AS_OF}'")


def test_the_report_reads_them_from_the_warehouse(outlook: Path) -> None:
    payload = payload_of(outlook)
    assert [c["campaign"] for c in payload["campaigns"]] == ["<b>Spring</b>", "Early"]
    assert [d["actual"] for d in payload["forecast"]] == [31, 62]


def test_a_person_sees_effects_with_intervals_and_forecasts_beside_what_came(
    browser: Page, outlook: Path
) -> None:
    browser.size(1280, 900)
    browser.media()
    browser.open(outlook)
    rows = browser.run(
        """[...document.querySelectorAll('#campaigns tr[data-campaign]')].map(row =>
        [row.dataset.campaign, row.textContent.replace(/\\s+/g, ' ')])"""
    )
    assert [name for name, _ in rows] == ["<b>Spring</b>", "Early"]
    assert "+0.25+0.13 to +0.38higher" in rows[0][1]
    assert "began too early" in rows[1][1]
    drawn = "document.querySelectorAll('#{} svg path').length"
    assert browser.run(drawn.format("effects")) > 0
    assert browser.run(drawn.format("deciles")) > 0
    shown = browser.run(
        """[...document.querySelectorAll('#forecast tr[data-decile]')].map(row =>
        [...row.querySelectorAll('td')].map(c => Number(c.dataset.value)))"""
    )
    assert shown == [[100, 10, 31], [100, 10, 62]]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_campaign_with_a_long_name_leaves_its_figures_in_sight(
    browser: Page, changed: Changed, outlook: Path, width: int
) -> None:
    campaigns = payload_of(outlook)["campaigns"]
    name = "Vouchers for customers of skin care who have not ordered since the sale" * 2

    def long(payload: dict[str, Any]) -> None:
        payload["campaigns"] = [{**campaigns[0], "campaign": name}]

    changed(long)
    browser.size(width, 900)
    browser.run("show()")
    place, table, head = browser.run(
        """['', ' table', ' th[scope=row]'].map(
        part => document.querySelector('#campaigns' + part).clientWidth)"""
    )
    assert head <= place / 2
    assert table <= place or width < 600
    area, whole = browser.run(
        """[charts.effects.getModel().getComponent('grid').coordinateSystem.getRect().width,
        charts.effects.getWidth()]"""
    )
    assert area >= whole / 2
    assert browser.problems == []


def test_without_campaigns_and_forecast_nothing_is_said_of_them(page: Page) -> None:
    hidden = "['campaigns', 'forecast'].map(id => document.getElementById(id).hidden)"
    assert page.run(hidden) == [True, True]
