"""Red days: `rfm show checks` and `rfm refresh` name each and say why, and what is over no more."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg
import pytest
import sqlalchemy as sa

from rfm_platform.cli.failed_checks import in_words
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain
from rfm_platform_tests.cli.conftest import Rfm, environment

FLAGS = dg.AssetCheckKey(dg.AssetKey("source_orders"), "flags_are_known")


def report(chain: Chain, days: Iterable[str], *, passed: bool, said: str = "") -> None:
    """Verdicts of `flags_are_known`, as Dagster keeps them."""
    with chain.instance() as instance:
        for on in days:
            evaluation = dg.AssetCheckEvaluation(
                asset_key=FLAGS.asset_key,
                check_name=FLAGS.name,
                passed=passed,
                metadata={},
                severity=dg.AssetCheckSeverity.ERROR,
                description=said.format(on),
                partition=on,
            )
            instance.report_runless_asset_event(evaluation)


def days_from(first: str, count: int) -> list[str]:
    return [
        str(each) for each in (day(first) + n * (day("01-02") - day("01-01")) for n in range(count))
    ]


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """The statements that Dagster's storage is asked in the block."""
    queries: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield queries
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


def test_each_red_day_is_named_with_its_reason_and_a_mended_one_is_not(
    rfm_here: Rfm, chain: Chain
) -> None:
    flags = {"01-01": "perhaps", "01-02": "maybe", "01-03": "soon", "01-04": "false"}
    chain.fill([line(on, on, cancelled_flag=flag) for on, flag in flags.items()])
    assert all(chain.load(on).succeeded for on in flags)
    chain.in_mart(
        "UPDATE flatten_order_marketplace SET cancelled_flag = 'f' WHERE order_id = '01-03'"
    )
    assert chain.load("01-03").succeeded
    for command in (("show", "checks"), ("status",)):
        said = rfm_here(environment(chain), *command)
        assert said.code == 0, said.err
        assert "flags_are_known 2 2" in said.out
        why = "1 of 1 lines have a flag that nobody knows. cancelled_flag"
        assert f"ERROR source_orders flags_are_known 2024-01-01: {why}='perhaps': 1." in said.out
        assert f"ERROR source_orders flags_are_known 2024-01-02: {why}='maybe': 1." in said.out
        assert "2024-01-03:" not in said.out
        assert "soon" not in said.out


def test_a_red_day_is_still_named_after_hundreds_of_newer_verdicts(
    rfm_here: Rfm, chain: Chain
) -> None:
    report(chain, ["2024-01-01"], passed=False, said="An old flag.")
    report(chain, days_from("01-02", 250), passed=True)
    said = rfm_here(environment(chain), "show", "checks")
    assert "flags_are_known 250 1" in said.out
    assert "ERROR source_orders flags_are_known 2024-01-01: An old flag." in said.out


def test_very_many_red_days_are_bounded_and_the_rest_is_counted_with_as_many_queries(
    rfm_here: Rfm, chain: Chain
) -> None:
    """A history of years is asked for no more than one of weeks."""
    asked = []
    for first, days in (("01-01", 20), ("01-21", 280)):
        report(chain, days_from(first, days), passed=False, said="Why {}.")
        with counted_queries() as queries:
            said = rfm_here(environment(chain), "show", "checks")
        asked.append(len(queries))
        assert said.out.count("ERROR source_orders flags_are_known") == 5
    assert "flags_are_known 0 300" in said.out
    newest = days_from("01-01", 300)[-5:]
    for on in newest:
        assert f"flags_are_known {on}: Why {on}." in said.out
    others = "source_orders flags_are_known has failed on other days too"
    assert f"{others}: 2024-01-01 to 2024-10-21." in said.out
    assert asked[0] == asked[1] > 0, asked


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], ""),
        (["2024-01-31", "2024-02-01"], "2024-01-31, 2024-02-01"),
        (["2024-02-01", "2024-01-30", "2024-01-31"], "2024-01-30 to 2024-02-01"),
        (["2024-01-01", "2024-01-03"], "2024-01-01, 2024-01-03"),
        (
            days_from("01-01", 30)[::2],
            "2024-01-01, 2024-01-03, 2024-01-05, 2024-01-07, 2024-01-09, 2024-01-11, 2024-01-13, "
            "2024-01-15, 2024-01-17, 2024-01-19 and 5 more days",
        ),
    ],
)
def test_days_in_words(days: list[str], words: str) -> None:
    assert in_words(days) == words


@pytest.fixture(scope="module")
def late(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Loaded days, three of which get a late change that is dirty, each another one."""
    chain = new_chain(server, tmp_path_factory.mktemp("late"))
    chain.fill([line(on, on) for on in days_from("01-01", 9)])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-08"))
    chain.in_mart(
        "UPDATE flatten_order_marketplace SET cancelled_flag = CASE order_id "
        "WHEN '2024-01-02' THEN 'maybe' ELSE cancelled_flag END, "
        "user_id = CASE WHEN order_id IN ('2024-01-04', '2024-01-06') THEN NULL ELSE user_id END"
    )
    return chain


def test_a_refresh_names_the_day_of_each_failure_and_says_the_same_once(
    rfm_here: Rfm, late: Chain
) -> None:
    said = rfm_here(environment(late), "refresh", "--as-of", "2024-01-09")
    assert said.code == 0, said.everything
    assert (
        "ERROR source_orders flags_are_known 2024-01-02: 1 of 1 lines have a flag that nobody "
        "knows. cancelled_flag='maybe': 1." in said.out
    )
    assert (
        "ERROR source_orders customers_are_known 2024-01-04, 2024-01-06: 1 of 1 lines have no "
        "user_id." in said.out
    )
    assert said.out.count("have no user_id") == 1
    assert not re.search(r"source_orders \w+ 2024-01-09", said.out), "nothing failed there"


def test_a_late_day_that_blocks_is_named_and_not_the_run_that_it_stopped(
    rfm_here: Rfm, chain: Chain
) -> None:
    chain.fill([line(on, on) for on in days_from("01-01", 4)])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-03"))
    chain.fill_more([line("2024-01-01", "01-02")])
    said = rfm_here(environment(chain), "refresh", "--as-of", "2024-01-04")
    assert said.code == 1
    assert re.search(
        r"ERROR source_orders orders_lie_within_one_day 2024-01-0[12][^:]*: .*"
        "shopee 2024-01-01 on 2024-01-01, 2024-01-02",
        said.out,
    )
    assert "days failed" not in said.out


def test_what_has_no_day_is_said_once_and_not_with_every_month(rfm_here: Rfm, chain: Chain) -> None:
    chain.fill([line(on, on) for on in ("2023-12-31", "2024-01-31", "2024-02-01")])
    days = ("--from", "2024-01-31", "--to", "2024-02-01")
    said = rfm_here(environment(chain), "materialize", *days)
    assert said.code == 0
    assert said.out.count("source_rows_outside_partitions") == 1
