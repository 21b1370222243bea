"""What is drawn stands out from what is below it, in both themes, and colours are explained."""

import base64
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest

from rfm_platform.dashboards.picture import retention_picture
from rfm_platform_tests.dashboards.browser import Page
from rfm_platform_tests.dashboards.conftest import Changed

CARD = "getComputedStyle(document.querySelector('section:not(.tiles)')).backgroundColor"
THEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def _cohorts(number: int, months: int) -> Callable[[dict[str, Any]], None]:
    """Cohorts of 100 customers, of whom 0, 1, 2 … came back: every share in per cent."""

    def change(payload: dict[str, Any]) -> None:
        back = [n % 101 for n in range(number * months)]
        payload["slices"][0]["cohorts"] = [
            {
                "month": f"{2020 + n // 12}-{n % 12 + 1:02}",
                "size": 100,
                "truncated": False,
                "cells": [[share, share, share] for share in (100, *back[n::number][: months - 1])],
            }
            for n in range(number)
        ]

    return change


def _contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it, of two colours that a browser names."""

    def luminance(text: str) -> float:
        parts = re.fullmatch("#(..)(..)(..)", text)
        values = [int(x, 16) for x in parts.groups()] if parts else re.findall(r"[\d.]+", text)[:3]
        shares = [float(value) / 255 for value in values]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@THEMES
def test_every_figure_of_the_heat_map_can_be_read(
    browser: Page, changed: Changed, scheme: str
) -> None:
    changed(_cohorts(12, 12))
    browser.media(scheme=scheme)
    cells = browser.run(
        """(() => { const series = charts.heatmap.getModel().getSeriesByIndex(0);
        const data = series.getData(); return data.mapArray(n => [data.get('value', n),
            data.getItemVisual(n, 'style').fill, data.getItemModel(n).get(['label', 'color'])]);
        })()"""
    )
    assert {round(100 * share) for share, *_ in cells} == {*range(101)}
    assert min((_contrast(below, figure), share) for share, below, figure in cells)[0] >= 4.5


@THEMES
def test_every_curve_bar_and_segment_stands_out_from_the_page(
    browser: Page, changed: Changed, scheme: str
) -> None:
    changed(_cohorts(12, 12))
    browser.media(scheme=scheme)
    drawn = browser.run(
        """['curves', 'cumulative', 'tiers', 'curve'].flatMap(id => charts[id].getModel()
            .getSeries().map(s => s.getData().getVisual('style').fill))
        .concat([...document.querySelectorAll('.dot')].map(d => d.style.backgroundColor))"""
    )
    assert len({*drawn}) >= 10
    card = browser.run(CARD)
    assert min((_contrast(colour, card), colour) for colour in drawn) >= (3, "")


def test_where_no_figure_fits_the_colours_are_explained(browser: Page, changed: Changed) -> None:
    scale = "(({show, text}) => [show, text])(charts.heatmap.getOption().visualMap[0])"
    note = "document.getElementById('curves-lead')"
    changed(_cohorts(30, 30))
    assert browser.run(scale) == [True, ["100%", "0%"]]
    assert browser.run(f"{note}.innerText") == "The newest 13 of 30 cohorts, and the mean of all."
    browser.run("document.querySelector('#unit [value=absolute]').click()")
    assert browser.run(scale) == [True, ["100", "0"]]
    changed(_cohorts(12, 12))
    assert browser.run(scale)[0] is False
    assert browser.run(f"{note}.hidden") is True
    assert browser.problems == []


def test_every_figure_of_the_small_picture_can_be_read() -> None:
    month = dt.date(2024, 1, 1)
    shares = [{"cohort_month": month, "cohort_size": 100, "customers": n} for n in range(101)]
    picture = retention_picture([{**cell, "is_partial": False} for cell in shares])
    svg = base64.b64decode(picture.split("base64,")[1][:-1]).decode()
    below = re.findall('fill="(rgb[^"]+)"', svg)
    figures = re.findall('fill="(#[^"]+)"[^>]*>[0-9]+%<', svg)
    assert len(below) == len(figures) == 101
    assert min(map(_contrast, below, figures)) >= 4.5
