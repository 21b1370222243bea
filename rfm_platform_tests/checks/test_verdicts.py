"""Which of a day's verdicts people are shown: the one on the lines that are there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rfm_platform.customers.extraction import Extraction
from rfm_platform.mart import Mart
from rfm_platform.materializations import READ
from rfm_platform.outcomes import check_lines, check_results, failures
from rfm_platform.partitions import DAY
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.verdicts import judged, newest_verdicts
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

ON = "2024-01-03"
CHECK = dg.AssetCheckKey(READ, "customers_are_known")
NOBODY = line("nobody", "01-03", user_id=None)


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(server, tmp_path, start_date=day("01-03"))
    chain.fill([line("a", "01-03", user_id="u")])
    return chain


def without_nobody(chain: Chain) -> None:
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = 'nobody'")


def shown(chain: Chain) -> bool:
    """Whether the day has passed, as all who show it say."""
    spec = chain.definitions.resolve_asset_graph().get_check_spec(CHECK)
    with chain.instance() as instance:
        assert judged(instance, CHECK, [day(ON)]) == {day(ON)}
        (passed,) = newest_verdicts(instance, CHECK, by_day=True).values()
        (told,) = check_lines(instance, [spec])
        (published,) = check_results(instance, [spec])
        explained = failures(instance, CHECK, [ON])
    assert (told.passed, told.failed) == (int(passed), int(not passed))
    assert published.passed is passed
    assert [outcome.day for outcome in explained] == ([] if passed else [ON])
    return passed


def test_a_run_that_waits_or_dies_takes_no_verdict_away(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.fill_more([NOBODY])
    assert chain.load(ON).succeeded
    assert not shown(chain)
    with chain.instance() as instance:
        instance.create_run_for_job(chain.definitions.resolve_job_def("load_days"), tags={DAY: ON})
    assert not shown(chain)

    def dies(*_: Any, **__: Any) -> None:
        raise KeyError("the mart has gone")

    with monkeypatch.context() as patch:
        patch.setattr(Extraction, "extract", dies)
        assert not chain.load(ON).succeeded
    assert not shown(chain)
    without_nobody(chain)
    assert chain.load(ON).succeeded
    assert shown(chain)


@pytest.mark.parametrize("is_right", [True, False])
def test_the_run_that_read_last_is_shown_not_the_one_that_began_last(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    def overtakes() -> None:
        if is_right:
            chain.fill_more([NOBODY])
        assert chain.load(ON).succeeded
        assert shown(chain) is not is_right
        if is_right:
            without_nobody(chain)
        else:
            chain.fill_more([NOBODY])

    before_the_first(monkeypatch, Mart, "contract_violations", overtakes)
    assert chain.load(ON).succeeded
    assert shown(chain) is is_right


def before_the_first(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, then: Callable[[], None]
) -> None:
    """Something is done by another thread before a function is called for the first time."""
    function = getattr(owner, name)

    def after_it(*arguments: Any) -> Any:
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(then).result()
        return function(*arguments)

    monkeypatch.setattr(owner, name, after_it)
