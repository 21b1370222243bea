"""The page in a real browser with figures as they seldom are: months in part, odd names, riches."""

from collections.abc import Callable
from typing import Any

import pytest

from rfm_platform_tests.dashboards.browser import Page
from rfm_platform_tests.dashboards.conftest import Changed


def _cohorts(partial: bool) -> Callable[[dict[str, Any]], None]:
    """Three cohorts of 100: the first is the first month loaded, the third has hidden customers."""

    def change(payload: dict[str, Any]) -> None:
        whole = payload["slices"][0]
        rows = [[100, 60, 40, 2], [100, 30, 1], [100, 3]]
        whole["cohorts"] = [
            {
                "month": f"2024-0{n + 1}",
                "size": 100,
                "truncated": n == 0,
                "cells": [[customers, customers, customers * 1000] for customers in row],
            }
            for n, row in enumerate(rows)
        ]
        for month in whole["months"]:
            month["is_partial"] = partial

    return change


def _curves(page: Page, chart: str = "curves") -> dict[str, list[float | None]]:
    series: list[dict[str, Any]] = page.run(f"charts.{chart}.getOption().series")
    return {each["name"]: each["data"] for each in series}


def test_a_running_month_is_no_point_of_a_curve(browser: Page, changed: Changed) -> None:
    changed(_cohorts(partial=True))
    assert _curves(browser) == {
        "All cohorts": [1, 0.3, None, None],
        "Jan 2024": [1, 0.6, 0.4, None],
        "Feb 2024": [1, 0.3, None],
        "Mar 2024": [1, None],
    }
    assert _curves(browser, "cumulative")["Jan 2024"] == [1000, 1600, 2000, None]
    changed(_cohorts(partial=False))
    assert _curves(browser)["Jan 2024"] == [1, 0.6, 0.4, 0.02]
    assert browser.problems == []


def test_the_first_month_loaded_is_no_part_of_all_cohorts(browser: Page, changed: Changed) -> None:
    changed(_cohorts(partial=False))
    assert _curves(browser)["All cohorts"] == [1, 0.165, 0.01, None]

    def only_the_first(payload: dict[str, Any]) -> None:
        _cohorts(partial=False)(payload)
        del payload["slices"][0]["cohorts"][1:]

    changed(only_the_first)
    assert [*_curves(browser)] == ["Jan 2024"]
    assert browser.problems == []


def _free_samples(payload: dict[str, Any]) -> None:
    """Cohorts whose first month brought nothing, less than nothing, nobody knows what, and 1000."""
    _cohorts(partial=False)(payload)
    cohorts = payload["slices"][0]["cohorts"]
    cohorts.append(cohorts[1] | {"month": "2024-04"})
    later = [40, 60, 500]
    for cohort, first in zip(
        cohorts, ([40, 40, 0], [40, 40, -100], None, [9, 9, 1000]), strict=True
    ):
        cohort["cells"] = [first, later]


def test_a_share_of_nothing_is_no_hidden_figure(browser: Page, changed: Changed) -> None:
    changed(_free_samples)
    browser.run("document.querySelector('#measure [value=revenue]').click()")
    cells = """[...document.querySelectorAll('#retention tr[data-cohort]')].map(
        row => [...row.querySelectorAll('td')].slice(1).map(c => c.innerText || c.textContent))"""
    assert browser.run(cells) == [["–", "–"], ["–", "–"], ["·", "·"], ["100%", "50%"]]
    drawn = "charts.heatmap.getOption().series.map(s => s.data.map(d => [...(d.value ?? d)]))"
    shown, hidden, baseless = browser.run(drawn)
    assert shown == [[0, 3, 1], [1, 3, 0.5]]
    assert [point[:2] for point in hidden] == [[0, 2], [1, 2]]
    assert [point[:2] for point in baseless] == [[0, 0], [1, 0], [0, 1], [1, 1]]
    browser.run("document.querySelector('#unit [value=absolute]').click()")
    assert browser.run("charts.heatmap.getOption().series[2].data") == []
    assert browser.problems == []


def test_no_two_cohorts_have_the_same_curve(browser: Page, changed: Changed) -> None:
    def many(payload: dict[str, Any]) -> None:
        _cohorts(partial=False)(payload)
        (cohort, *_) = payload["slices"][0]["cohorts"]
        months = [f"{2023 + n // 12}-{n % 12 + 1:02}" for n in range(15)]
        payload["slices"][0]["cohorts"] = [cohort | {"month": month} for month in months]

    changed(many)
    for chart in ("curves", "cumulative"):
        looks = browser.run(
            f"charts.{chart}.getModel().getSeries().filter(s => s.name !== say('average')).map("
            "s => [s.getData().getVisual('style').fill, s.get(['lineStyle', 'type']),"
            " s.getData().getVisual('symbol')].join())"
        )
        assert len(looks) == 13
        assert len({*looks}) == 13, looks


def _few_moves(payload: dict[str, Any]) -> None:
    """Moves of three segments that are less than the table has, of one nobody knows how much."""
    flows = {("Champions", "At risk"): 7, ("At risk", "At risk"): 80, (None, "Lost"): 12}
    counts = {"Champions": (57, 54), "At risk": (93, 113), "Lost": (None, 12)}
    whole = payload["slices"][0]
    whole["flows"] = [
        {"from": before, "to": now, "customers": n, "causes": {"time": n}}
        for (before, now), n in flows.items()
    ]
    for row in whole["segments"]:
        row["before"], row["customers"] = counts.get(row["segment"], (0, 0))


def test_a_segment_is_as_high_in_the_picture_of_moves_as_the_table_has_it(
    browser: Page, changed: Changed
) -> None:
    changed(_few_moves)
    height = "n.getLayout().value"
    drawn = dict(
        browser.run(
            "charts.sankey.getModel().getSeriesByIndex(0).getGraph().nodes.map("
            f"n => [n.id, [{height}, n.getModel().option.said({height})]])"
        )
    )
    assert drawn == {
        "from:Champions": [57, "Champions: 57"],
        "from:At risk": [93, "At risk: 93"],
        "from:": [12, "First order: 12 in the moves shown"],
        "hidden:to": [63, "63 customers of hidden moves"],
        "to:Champions": [54, "Champions: 54"],
        "to:At risk": [113, "At risk: 113"],
        "to:Lost": [12, "Lost: 12"],
        "hidden:from": [80, "80 customers of hidden moves"],
    }
    note = "document.getElementById('moves-hidden')"
    said = browser.run(f"{note}.innerText")
    assert said.startswith("Pale grey:")
    assert "as high as the moves shown" in said

    def all_shown(payload: dict[str, Any]) -> None:
        payload["slices"][0]["flows"] = [
            {"from": "Lost", "to": "Lost", "customers": 40, "causes": {"stayed": 40}}
        ]
        for row in payload["slices"][0]["segments"]:
            row["before"] = row["customers"] = 40 if row["segment"] == "Lost" else 0

    changed(all_shown)
    assert browser.run("charts.sankey.getOption().series[0].data.map(n => n.name)") == [
        "from:Lost",
        "to:Lost",
    ]
    assert browser.run(f"{note}.hidden") is True
    assert browser.problems == []


def test_where_all_moves_are_hidden_it_is_said(browser: Page, changed: Changed) -> None:
    said = "document.getElementById('moves').innerText"

    def all_hidden(payload: dict[str, Any]) -> None:
        payload["slices"][0]["flows"] = []

    changed(all_hidden)
    assert "All moves from 31 January 2024 to 29 February 2024 are hidden" in browser.run(said)
    assert "Point at a flow" not in browser.run(said)

    def first_month(payload: dict[str, Any]) -> None:
        all_hidden(payload)
        payload["from_date"] = None

    changed(first_month)
    assert "no move is told" in browser.run(said)
    assert browser.problems == []


@pytest.mark.parametrize(
    ("first_day", "compared"),
    [("2024-01-20", False), ("2024-01-01", True), ("2023-12-20", True)],
)
def test_a_month_that_was_loaded_from_its_middle_is_compared_with_nothing(
    browser: Page, changed: Changed, first_day: str, compared: bool
) -> None:
    changed(lambda payload: payload["quality"]["lines"].update(first_day=first_day))
    text = browser.run("document.querySelector('#tile-active .change').innerText")
    assert ("against the month before" in text) is compared


@pytest.mark.parametrize(("before", "compared"), [(-1000, False), (0, False), (1000, True)])
def test_revenue_is_compared_with_a_month_that_had_some(
    browser: Page, changed: Changed, before: int, compared: bool
) -> None:
    """From -1,000 to -1,300 would be a rise by 30 per cent."""

    def change(payload: dict[str, Any]) -> None:
        now, earlier = payload["slices"][0]["months"][:2]
        now["revenue"], earlier["revenue"] = before * 13 // 10, before
        payload["quality"]["lines"]["first_day"] = "2024-01-01"

    changed(change)
    text = browser.run("document.querySelector('#tile-revenue .change').innerText")
    assert ("against the month before" in text) is compared


def test_a_name_is_shown_as_it_is(browser: Page, changed: Changed) -> None:
    name = "$& $$ $` {1} $'"

    def rename(payload: dict[str, Any]) -> None:
        for one in payload["slices"]:
            if one["shop"] == "S1":
                one["name"] = name

    changed(rename)
    browser.run(
        "state.marketplace = JSON.stringify('shopee'); state.shop = JSON.stringify('S1'); show()"
    )
    assert f"Customers of {name} on shopee." in browser.run(
        "document.getElementById('slice').innerText"
    )


@pytest.mark.parametrize("language", ["en", "id"])
def test_no_figure_is_wider_than_its_tile(browser: Page, changed: Changed, language: str) -> None:
    def rich(payload: dict[str, Any]) -> None:
        for month in payload["slices"][0]["months"]:
            month["orders"], month["revenue"] = 1000, 2_888_888_000

    changed(rich)
    browser.run(f"document.querySelector('#language [value={language}]').click()")
    for width in (390, 900, 1000, 1200, 1400):
        browser.size(width, 900)
        wide = browser.run(
            "[...document.querySelectorAll('.tile')].filter(t => t.scrollWidth > t.clientWidth)"
            ".map(t => t.innerText)"
        )
        assert wide == [], width
