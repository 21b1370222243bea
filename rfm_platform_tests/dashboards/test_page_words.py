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
