"""The page in a real browser: its figures are the warehouse's, and it does what a person asks."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rfm_platform_tests.dashboards.browser import Page
from rfm_platform_tests.dashboards.conftest import AS_OF, Reported, payload_of

Ask = Callable[..., list[tuple[Any, ...]]]
WHERE = f"as_of_date = '{AS_OF}' AND scope = %s AND marketplace IS NOT DISTINCT FROM %s"
SHOP = f"{WHERE} AND shop_id IS NOT DISTINCT FROM %s"


def _choose(page: Page, control: str, value: Any) -> None:
    """Chooses an option as a person would; None: all."""
    option = "" if value is None else json.dumps(value)
    page.run(
        f"""(() => {{ const place = document.getElementById({control!r});
        place.value = {json.dumps(option)};
        place.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"""
    )


def _click(page: Page, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).click()")


def _values(page: Page, selector: str, *names: str) -> dict[tuple[str, ...], list[float | None]]:
    """Rows by their data attributes: each figure as data-value has it; None: hidden."""
    script = f"""[...document.querySelectorAll({selector!r})].map(row => [
        {json.dumps(names)}.map(name => row.dataset[name]),
        [...row.querySelectorAll('td')]
            .filter(c => c.dataset.value || c.className === 'hidden-cell')
            .map(c => c.dataset.value === undefined ? null : Number(c.dataset.value))])"""
    return {tuple(key): figures for key, figures in page.run(script)}


def _slices(reported: Reported) -> list[tuple[Any, ...]]:
    rows = reported.chain.in_warehouse(
        "SELECT scope, marketplace, shop_id FROM rfm.rfm_segments "
        "WHERE withheld IS NULL AND scope = 'shop' "
        "GROUP BY scope, marketplace, shop_id ORDER BY SUM(revenue) DESC LIMIT 4"
    )
    return [("all", None, None), ("marketplace", "lazada", None), *rows]


def _open_slice(page: Page, marketplace: str | None, shop: str | None) -> None:
    _choose(page, "marketplace", marketplace)
    if shop is not None:
        _choose(page, "shop", shop)


One = tuple[str, str | None, str | None]
Pairs = Iterator[tuple[list[float | None], tuple[Any, ...]]]


def _segments(page: Page, ask: Ask, one: One) -> Pairs:
    query = f"""SELECT segment, customers, orders, revenue, median_recency
        FROM rfm.rfm_segments WHERE {SHOP}"""
    wanted = {row[0]: row[1:] for row in ask(query, *one)}
    for (segment,), found in _values(page, "#segments [data-segment]", "segment").items():
        if segment in wanted and None not in found:
            yield found, wanted[segment]


def _grid(page: Page, ask: Ask, one: One) -> Pairs:
    query = f"SELECT CONCAT(r_score, f_score, m_score), customers FROM rfm.rfm_cells WHERE {SHOP}"
    cells: dict[Any, Any] = dict(ask(query, *one))
    script = """[...document.querySelectorAll('#grid [data-score]')].map(
        c => [c.dataset.score, c.dataset.value === undefined ? null : +c.dataset.value])"""
    for score, shown in page.run(script):
        yield [shown], (cells.get(score, 0),)


def _moves(page: Page, ask: Ask, one: One) -> Pairs:
    query = f"""SELECT from_segment, to_segment, cause,
        SUM(customers) OVER (PARTITION BY from_segment, to_segment), customers
        FROM rfm.rfm_migration WHERE {SHOP}"""
    flows: dict[Any, Any] = {
        (a or "", b or "", cause): rest for a, b, cause, *rest in ask(query, *one)
    }
    for move, found in _values(page, "#moves tr[data-cause]", "from", "to", "cause").items():
        yield found, tuple(flows[move])


def _retention(page: Page, ask: Ask, one: One) -> Pairs:
    _click(page, "#unit [value=absolute]")
    for measure in ("customers", "orders", "revenue"):
        _click(page, f"#measure [value={measure}]")
        query = f"""SELECT TO_CHAR(cohort_month, 'YYYY-MM'), cohort_size, {measure}
            FROM rfm.cohort_retention WHERE {SHOP} ORDER BY cohort_month, months"""
        cohorts: dict[str, list[int]] = {}
        for month, size, figure in ask(query, *one):
            cohorts.setdefault(month, [size]).append(figure)
        for (month,), found in _values(page, "#retention [data-cohort]", "cohort").items():
            yield found, tuple(cohorts[month])


def _pyramid(page: Page, ask: Ask, one: One) -> Pairs:
    query = f"SELECT percent, customers, revenue FROM rfm.rfm_concentration WHERE {SHOP}"
    upto = {0: (0, 0)} | {row[0]: row[1:] for row in ask(query, *one)}
    bounds = {"top": (0, 1), "big": (1, 5), "medium": (5, 20), "small": (20, 100)}
    for (tier,), found in _values(page, "#pyramid [data-tier]", "tier").items():
        lower, upper = (upto[percent] for percent in bounds[tier])
        yield found, (upper[0] - lower[0], upper[1] - lower[1])


def _concentration(page: Page, ask: Ask, one: One) -> Pairs:
    query = f"SELECT percent, customers, revenue FROM rfm.rfm_concentration WHERE {SHOP}"
    points = {str(row[0]): row[1:] for row in ask(query, *one)}
    for (percent,), found in _values(page, "#concentration [data-percent]", "percent").items():
        yield found, points[percent]


def _headline(page: Page, ask: Ask, one: One) -> Pairs:
    query = f"""SELECT SUM(customers), SUM(customers) FILTER (WHERE months = 0), SUM(orders),
        SUM(revenue) FROM rfm.cohort_retention
        WHERE {SHOP} AND cohort_month + months * INTERVAL '1 month' = '2024-02-01'"""
    (wanted,) = ask(query, *one)
    for tile, figure in zip(("active", "new", "orders", "revenue"), wanted, strict=True):
        text = page.run(f"document.querySelector('#tile-{tile} .value').dataset.value ?? null")
        yield [None if text is None else float(text)], (figure or 0,)


@pytest.mark.parametrize(
    "section",
    [_segments, _grid, _moves, _retention, _pyramid, _concentration, _headline],
    ids=lambda s: s.__name__,
)
def test_every_figure_of_every_slice_equals_a_query_on_the_warehouse(
    page: Page, reported: Reported, section: Callable[[Page, Ask, One], Pairs]
) -> None:
    compared = 0
    for one in _slices(reported):
        _open_slice(page, *one[1:])
        for found, wanted in section(page, reported.chain.in_warehouse, one):
            assert len(found) == len(wanted)
            shown = [pair for pair in zip(found, wanted, strict=True) if pair[0] is not None]
            assert all(a == float(b) for a, b in shown), (one, found, wanted)
            compared += len(shown)
    assert compared >= 10, compared
    assert page.problems == []


def test_the_lines_that_were_read_are_those_of_the_mart(page: Page, reported: Reported) -> None:
    ((lines, cancelled),) = reported.chain.in_mart(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE cancelled_flag = 'true') "
        "FROM flatten_order_marketplace"
    )
    for name, wanted in (("lines_read", lines), ("cancelled", cancelled)):
        assert int(page.run(f"document.getElementById('fact-{name}').dataset.value")) == wanted
    # Days without any line were read as well: what is counted is what it is called.
    days = page.run("document.getElementById('fact-days_with_lines').parentElement.innerText")
    assert days == f"Days with order lines: {payload_of(reported.path)['quality']['lines']['days']}"


def test_nothing_is_asked_of_any_other_host_and_nothing_is_logged(page: Page) -> None:
    page.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
    assert page.problems == []


def test_choosing_a_marketplace_and_a_shop_changes_every_section_and_back(page: Page) -> None:
    whole = page.run("document.querySelector('main').innerText")
    _choose(page, "marketplace", "shopee")
    assert page.run("document.getElementById('shop').disabled") is False
    marketplace = page.run("document.querySelector('main').innerText")
    _choose(page, "shop", "S1")
    shop = page.run("document.querySelector('main').innerText")
    assert len({whole, marketplace, shop}) == 3
    assert '</script><b>S1</b> & "Co"' in page.run("document.getElementById('slice').innerText")
    assert page.run("document.querySelectorAll('main b').length") == page.run(
        "document.querySelectorAll('.facts b').length"
    ), "a shop's name became markup"
    _choose(page, "marketplace", None)
    assert page.run("document.querySelector('main').innerText") == whole


def test_segments_of_an_older_file_are_on_the_page_with_their_moves(
    browser: Page, reported: Reported, renamed: Path
) -> None:
    browser.open(renamed)
    rows = _values(browser, "#segments tbody tr", "segment")
    stored = reported.chain.in_warehouse(
        f"SELECT segment, customers FROM rfm.rfm_segments WHERE {WHERE}", "all", None
    )
    assert {name: rows[name,][0] for name, _ in stored} == dict(stored)
    text = browser.run("document.getElementById('segments').innerText")
    assert "no longer in the segment file" in text
    assert browser.run("document.querySelectorAll('#sankey path').length") > 0
    assert browser.problems == []


def test_dates_and_words_are_english_or_indonesian(page: Page) -> None:
    assert "29 February 2024" in page.run("document.getElementById('as-of').innerText")
    _click(page, "#language [value=id]")
    assert "29 Februari 2024" in page.run("document.getElementById('as-of').innerText")
    assert page.run("document.documentElement.lang") == "id"
    words = json.loads(page.run("document.getElementById('words').textContent"))
    assert words["en"].keys() == words["id"].keys()
    assert page.problems == []


def test_pointing_at_a_flow_tells_its_causes(page: Page) -> None:
    x, y = page.run(
        """(() => { const path = [...document.querySelectorAll('#sankey path')]
            .map(p => p.getBoundingClientRect()).sort((a, b) => b.width - a.width)[0];
        document.getElementById('sankey').scrollIntoView();
        const box = document.getElementById('sankey').getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2]; })()"""
    )
    said = ""
    for offset in range(-150, 150, 12):
        page.point(x, y + offset)
        said = page.run(
            "new Promise(done => setTimeout(() => done([...document.querySelectorAll("
            "'#sankey > div')].map(d => d.innerText).join('')), 20))"
        )
        if "→" in said:
            break
    assert "customers." in said, said
    assert any(cause in said for cause in ("stayed", "time passing", "a new order", "thresholds"))


def test_everything_is_reached_and_used_by_keyboard_alone(page: Page) -> None:
    reached = []
    for _ in range(25):
        page.press("Tab", 9)
        reached.append(
            page.run(
                "document.activeElement.id || document.activeElement.value || "
                "document.activeElement.tagName"
            )
        )
    assert {"marketplace", "en", "id", "theme", "print", "customers", "percent"} <= {*reached}
    assert "SUMMARY" in reached, reached
    page.run("document.querySelector('#unit [value=absolute]').focus()")
    page.press("Enter", 13)
    pressed = "document.querySelector('#unit [value=absolute]').getAttribute('aria-pressed')"
    assert page.run(pressed) == "true"


def test_every_picture_has_a_text_and_every_control_a_name(page: Page) -> None:
    assert page.run(
        "[...document.querySelectorAll('[role=img]')].filter(c => c.offsetParent)"
        ".every(c => c.getAttribute('aria-label'))"
    )
    # Each is said to have its figures in a table below.
    assert (
        page.run(
            "[...document.querySelectorAll('[role=img]')].filter(c => c.offsetParent && "
            "!c.closest('section').querySelector('table tbody tr')).map(c => c.id)"
        )
        == []
    )
    assert page.run("[...document.querySelectorAll('select')].every(s => s.labels.length === 1)")
    assert page.run("[...document.querySelectorAll('button')].every(b => b.innerText.trim())")


CONTRAST = """(() => {
  const rgb = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  let worst = 99;
  const texts = 'h1,h2,p,th,td,label span,button,summary,.name,.change span';
  for (const e of document.querySelectorAll(texts)) {
    if (!e.offsetParent || !e.innerText.trim()) continue;
    let back = [255, 255, 255, 0], place = e;
    while (place) { const c = rgb(getComputedStyle(place).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) { back = c; break; } place = place.parentElement; }
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(back)];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst; })()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background_in_both_themes(page: Page, scheme: str) -> None:
    page.media(scheme=scheme)
    assert page.run("document.documentElement.dataset.theme") == scheme
    assert page.run(CONTRAST) >= 4.5


def test_a_phone_shows_everything_without_scrolling_sideways(page: Page) -> None:
    page.size(390, 844)
    page.run("dispatchEvent(new Event('resize'))")
    assert page.run("document.documentElement.scrollWidth") <= 390
