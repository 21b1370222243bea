"""What the page says in words and signs: of what is missing, of nothing, and of names."""

from typing import Any

import pytest

from rfm_platform_tests.dashboards.browser import Page
from rfm_platform_tests.dashboards.conftest import Changed


@pytest.mark.parametrize(
    ("reason", "english", "indonesian"),
    [
        (
            "fewer than 1000 customers",
            "fewer than 1,000 customers",
            "kurang dari 1.000 pelanggan",
        ),
        (
            "1 days of orders, fewer than 28",
            "1 days of orders, fewer than 28",
            "1 hari pesanan, kurang dari 28",
        ),
        ("another reason", "another reason", "another reason"),
    ],
)
def test_why_there_are_no_segments_is_said_in_both_languages(
    browser: Page, changed: Changed, reason: str, english: str, indonesian: str
) -> None:
    """The warehouse's own sentence, as the tests of the analyses have it."""
    changed(lambda payload: payload["slices"][0].update(withheld=reason))
    said = "document.getElementById('withheld').innerText"
    browser.run("document.querySelector('#language [value=en]').click()")
    assert browser.run(said) == f"Not segmented: {english}."
    browser.run("document.querySelector('#language [value=id]').click()")
    assert browser.run(said) == f"Tidak disegmentasi: {indonesian}."


def test_a_marketplace_or_shop_with_an_empty_name_can_be_told_from_none(
    browser: Page, changed: Changed
) -> None:
    def unnamed(payload: dict[str, Any]) -> None:
        whole, *slices = payload["slices"]
        one, shop = (
            next(each for each in slices if each["scope"] == scope)
            for scope in ("marketplace", "shop")
        )
        payload["slices"] = [
            whole,
            *({**one, "marketplace": name} for name in ("", None)),
            *({**shop, "marketplace": "", "shop": name, "name": name} for name in ("", None)),
        ]

    changed(unnamed)
    options = "[...document.getElementById('{}').options].map(o => [o.value, o.text])"
    assert browser.run(options.format("marketplace"))[1:] == [['""', "(empty name)"], ["null", "–"]]
    browser.run("state.marketplace = '\"\"'; show()")
    assert browser.run(options.format("shop"))[1:] == [['""', "(empty name)"], ["null", "–"]]
    assert browser.run("byId('slice').innerText") == "Customers of (empty name)."
    assert browser.problems == []


@pytest.mark.parametrize(
    ("now", "said", "kind"),
    [
        (100_040, "±0.0%", ""),
        (99_960, "±0.0%", ""),
        (100_060, "▲ +0.1%", "up"),
        (99_940, "▼ −0.1%", "down"),
    ],
)
def test_a_change_that_is_rounded_to_nothing_has_no_direction(
    browser: Page, changed: Changed, now: int, said: str, kind: str
) -> None:
    def nearly(payload: dict[str, Any]) -> None:
        payload["slices"][0].update(customers=now, customers_before=100_000)

    changed(nearly)
    change = "document.querySelector('#tile-customers .change span')"
    assert browser.run(f"{change}.innerText") == f"{said} since the end of the month before"
    assert browser.run(f"{change}.className") == kind


def test_a_share_that_is_rounded_to_nothing_is_not_below_it(
    browser: Page, changed: Changed
) -> None:
    def returned(payload: dict[str, Any]) -> None:
        whole = payload["slices"][0]
        whole["revenue"] = 1_000_000
        for row, revenue in zip(whole["segments"], (-400, -600, 1_000), strict=False):
            row["revenue"], row["orders"] = revenue, 1

    changed(returned)
    shares = browser.run(
        "[...document.querySelectorAll('#segments tbody tr')].map(r => r.children[6].innerText)"
    )
    assert shares[:3] == ["0.0%", "-0.1%", "0.1%"]


def test_what_is_hidden_can_be_told_from_what_there_is_not(browser: Page, changed: Changed) -> None:
    def few(payload: dict[str, Any]) -> None:
        whole = payload["slices"][0]
        now = whole["months"][0]
        now.update(active=0, new=0, orders=0, revenue=0, is_partial=False)
        known, hidden, nobody = whole["segments"][:3]
        known.update(customers=10, before=None, orders=10, revenue=100, median_recency=3)
        hidden.update(dict.fromkeys(("customers", "orders", "revenue", "median_recency")), before=9)
        nobody.update(customers=0, before=4, orders=0, revenue=0, median_recency=None)
        whole.update(customers=100, customers_before=100, revenue=1000)

    changed(few)
    cells = """[...document.querySelectorAll('#segments tbody tr')].map(
        row => [...row.querySelectorAll('td')].map(c => c.innerText.trim() + '|' + c.title))"""
    known, hidden, nobody = browser.run(cells)[:3]
    assert known[1:3] == ["10.0%|", "·|hidden"]
    assert hidden == ["·|hidden"] * 8
    assert nobody[2] == "−4|"
    assert nobody[6:] == ["–|nothing to compute it from"] * 2
    tile = "(v => [v.innerText, v.title])(document.querySelector('#tile-{} .value'))"
    assert browser.run(tile.format("order-value")) == ["–", ""]
    assert browser.run(tile.format("returning")) == ["–", ""]
    note = browser.run("document.getElementById('footnotes').innerText")
    assert note.startswith("·, hatched: hidden, as it is of fewer than 5 customers")
    assert "–: there is nothing to compute it from." in note

    def secret(payload: dict[str, Any]) -> None:
        payload["slices"][0]["months"][0].update(dict.fromkeys(("active", "orders", "revenue")))

    changed(secret)
    assert browser.run(tile.format("order-value")) == ["·", "hidden"]
    assert browser.run(tile.format("returning")) == ["·", "hidden"]
    assert browser.problems == []


def test_it_is_said_up_to_when_verdicts_count(page: Page) -> None:
    """The report waits for no check of its own day that does not block: a red one stops nothing."""
    said = "document.getElementById('quality').innerText"
    assert "newest verdict when this page was made" in page.run(said)
    page.run("document.querySelector('#language [value=id]').click()")
    assert "saat halaman ini dibuat" in page.run(said)
