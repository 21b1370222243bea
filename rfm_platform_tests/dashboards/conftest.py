"""A report of invented orders over three marketplaces, made once, and a browser to read it with."""

import datetime as dt
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.customers.segments import Segments
from rfm_platform.dashboards.report import page as write_page
from rfm_platform.runs import Outcome
from rfm_platform_tests.assets.chain import Chain, line, new_chain
from rfm_platform_tests.dashboards.browser import Page, find_browser, open_browser

FIRST, AS_OF = dt.date(2024, 1, 20), dt.date(2024, 2, 29)
SHOPS = {"shopee": ("S1", "S2", "S3"), "lazada": ("L1", "L2"), "tiktok shop": ("T1",)}

Changed = Callable[[Callable[[dict[str, Any]], None]], None]


@dataclass(frozen=True)
class Reported:
    """The chain, its runs, and the report as of AS_OF."""

    chain: Chain
    outcomes: list[Outcome]
    path: Path


@pytest.fixture(scope="session")
def reported(server: object, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Two months, 400 customers; names of shops that a page must not take for its own markup."""
    chain = new_chain(
        server,  # type: ignore[arg-type]  # the embedded server of all tests
        tmp_path_factory.mktemp("reported"),
        stays=True,
        start_date=FIRST,
        analyses=True,
        min_cell=5,
        report_shops=4,
    )
    chance = random.Random(11)  # noqa: S311 - the same orders each time
    lines = []
    for n in range(400):
        marketplace = chance.choices(list(SHOPS), (6, 3, 1))[0]
        for k in range(chance.choice((1, 1, 2, 3, 6))):
            at = FIRST + dt.timedelta(days=chance.randrange((AS_OF - FIRST).days + 1))
            shop = chance.choice(SHOPS[marketplace])
            lines.append(
                line(
                    f"{n}-{k}",
                    at.isoformat(),
                    user_id=f"secret-user-{n}",
                    marketplace=marketplace,
                    shop_id=shop,
                    shop_name=f'</script><b>{shop}</b> & "Co"',
                    product_gmv_amount=chance.randrange(5_000, 900_000),
                    cancelled_flag=chance.choices(("false", "true"), (9, 1))[0],
                )
            )
    chain.fill(lines)
    outcomes = chain.materialize(FIRST.isoformat(), AS_OF.isoformat(), "month-ends")
    return Reported(chain, outcomes, chain.platform.reports.path(AS_OF))


@pytest.fixture(scope="session")
def renamed(reported: Reported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same day's report after each segment got another name, with every count in it."""
    platform = reported.chain.platform
    file = platform.segments()
    edited = Segments(
        version=file.version + 1,
        cells={cell: f"New {name}" for cell, name in file.cells.items()},
        actions={f"New {name}": action for name, action in file.actions.items()},
    )
    directory = tmp_path_factory.mktemp("renamed")
    reports = replace(platform.reports, directory=directory, min_cell=1)
    return reports.write(AS_OF, edited, []).path


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Chromium with an empty profile; without one these tests are skipped, and say so."""
    program = find_browser()
    if program is None:
        pytest.skip("NO CHROMIUM on this machine: the report is not looked at in a browser")
    with open_browser(program, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, reported: Reported) -> Page:
    """The report, opened anew on a desktop in the light."""
    browser.size(1280, 900)
    browser.media()
    browser.open(reported.path)
    return browser


@pytest.fixture
def changed(browser: Page, reported: Reported, tmp_path: Path) -> Changed:
    """Opens the report with other figures, on a desktop in the light."""

    def opened(change: Callable[[dict[str, Any]], None]) -> None:
        payload = payload_of(reported.path)
        change(payload)
        path = tmp_path / "changed.html"
        path.write_text(write_page(payload), encoding="utf-8")
        browser.size(1280, 900)
        browser.media()
        browser.open(path)

    return opened


def payload_of(path: Path) -> dict[str, Any]:
    """The figures in a report's file."""
    mark = '<script type="application/json" id="figures">'
    found = re.search(mark + "(.*?)</script>", path.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    payload: dict[str, Any] = json.loads(found[1])
    return payload
