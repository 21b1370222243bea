"""The page on paper: A4, in the light, nothing cut off and nothing made smaller than it is."""

import re
import zlib
from typing import Any

import pytest

from rfm_platform_tests.dashboards.browser import Page
from rfm_platform_tests.dashboards.conftest import Changed

# Chromium draws at 300 dots per inch, of which one CSS pixel is 96th; less, if it had to shrink.
FULL_SIZE = 300 / 96
# As the printer finds them: what is drawn of each chart in its place, and how wide that is.
WATCH = """addEventListener('beforeprint', () => { window.found = [...document.querySelectorAll(
    '.chart svg')].filter(s => s.clientWidth).map(s => [s.closest('.chart').id,
    s.getBBox().x + s.getBBox().width, s.closest('.chart').clientWidth]); })"""


def _scales(pdf: bytes) -> set[float]:
    """By how much what is on the pages was scaled."""
    found = set()
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            drawn = zlib.decompress(stream)
        except zlib.error:  # a picture or a font
            continue
        found |= {float(x) for x in re.findall(rb"(\d+\.\d+) 0 0 \1 \S+ \S+ cm", drawn)}
    return found


def _a_year_in_rupiah(payload: dict[str, Any]) -> None:
    """Twelve cohorts, and amounts as wide as they get."""
    payload["currency"] = {"code": "IDR", "decimals": 0}
    whole = payload["slices"][0]
    whole["cohorts"] = [
        {
            "month": f"2023-{n + 1:02}",
            "size": 12_345,
            "truncated": False,
            "cells": [[12_345, 23_456, 4_567_890_123]] * (12 - n),
        }
        for n in range(12)
    ]
    for segment in whole["segments"]:
        segment["revenue"] = 4_567_890_123


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("unit", ["percent", "absolute"])
def test_everything_fits_on_paper_as_large_as_it_is(
    browser: Page, changed: Changed, language: str, unit: str
) -> None:
    """One chart that is too wide, and Chromium prints all of the page smaller."""
    changed(_a_year_in_rupiah)
    browser.run(f"document.querySelector('#language [value={language}]').click()")
    browser.run(f"document.querySelector('#unit [value={unit}]').click()")
    browser.run(WATCH)
    assert min(_scales(browser.pdf())) == pytest.approx(FULL_SIZE, rel=1e-3)
    drawn = {name: (width, place) for name, width, place in browser.run("found")}
    assert {"sankey", "heatmap", "tiers", "curve"} <= drawn.keys()
    assert [name for name, (width, place) in drawn.items() if width > place + 1] == []
    assert drawn["tiers"][1] < drawn["sankey"][1] / 2


def test_printing_gives_paper_in_the_light_without_controls_and_the_screen_comes_back(
    page: Page,
) -> None:
    page.media(scheme="dark")
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 12
    page.media("print", "light")
    assert page.run("getComputedStyle(document.getElementById('controls')).display") == "none"
    page.media(scheme="dark")
    assert page.run("document.documentElement.dataset.theme") == "dark"
    assert page.problems == []
