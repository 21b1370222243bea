"""Days that `rfm explain` and `rfm verify` look at: also those that were loaded without a line."""

import io
from typing import Any

import pytest
from rich.console import Console

from rfm_platform.cli.explain import show_differences
from rfm_platform.cli.verify import verify
from rfm_platform_tests.assets.chain import Chain, day, line


def explain(chain: Chain, first: str | None = None, last: str | None = None) -> str:
    """What it prints."""
    said = io.StringIO()
    console = Console(file=said, width=200)
    show_differences(
        chain.settings, console, day(first) if first else None, day(last) if last else None
    )
    return said.getvalue()


def verified(chain: Chain, as_of: str | None = None) -> bool:
    console = Console(file=io.StringIO(), width=200)
    return verify(chain.settings, console, day(as_of) if as_of else None)


def changed(chain: Chain, order: str) -> None:
    chain.in_mart(
        "UPDATE flatten_order_marketplace SET cancelled_flag = 'true' WHERE order_id = %s", order
    )


@pytest.mark.parametrize("late", ["01-02", "01-04"], ids=["in between", "the newest"])
def test_a_line_on_a_day_that_was_loaded_without_one_is_found(chain: Chain, late: str) -> None:
    chain.fill([line(f"o{on}", on) for on in ("01-01", "01-03")])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-04"))
    assert "Every day from 2024-01-01 to 2024-01-04 equals the mart." in explain(chain)
    assert verified(chain)
    chain.fill_more([line("late", late)])
    said = explain(chain)
    assert "1 orders differ." in said
    assert "`rfm refresh` reads changed days again" in said
    assert not verified(chain)


def test_days_after_a_snapshot_are_not_rebuilt_beyond_its_month(chain: Chain) -> None:
    chain.fill([line(f"o{on}", on) for on in ("01-30", "02-01")])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-30"))
    assert all(outcome.succeeded for outcome in chain.materialize("01-31", "02-03"))
    chain.fill_more([line("late", "02-02")])
    assert verified(chain, "01-30")
    chain.fill_more([line("later", "01-31")])
    assert not verified(chain, "01-30"), "its month is published whole"


@pytest.mark.parametrize("width", [20, 80])
def test_a_narrow_terminal_cuts_no_name_of_a_verified_table_off(chain: Chain, width: int) -> None:
    chain.fill([line("o", "01-01")])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-01"))
    said = io.StringIO()
    assert verify(chain.settings, Console(file=said, width=width), None)
    table = said.getvalue().partition("Rows published")[2]
    assert "…" not in table
    assert ["final_user_analysis_snapshots", "1", "0", "0"] in map(str.split, table.splitlines())


BEYOND: dict[str, dict[str, Any]] = {
    "before": {"order": "o01-02", "first": "01-05"},
    "after": {"order": "o01-08", "first": "01-05", "last": "01-06"},
}


@pytest.mark.parametrize("beyond", BEYOND.values(), ids=BEYOND.keys())
def test_months_are_compared_whole_and_so_are_their_days(
    chain: Chain, beyond: dict[str, str]
) -> None:
    """A late change beside the chosen days is no month that was built wrongly."""
    chain.fill([line(f"o01-{n:02}", f"01-{n:02}") for n in range(1, 10)])
    assert chain.load("01-01", "01-09").succeeded
    changed(chain, beyond["order"])
    said = explain(chain, beyond["first"], beyond.get("last"))
    assert "`rfm refresh` reads changed days again" in said
    assert "their months are not" not in said
    assert beyond["order"] in said


def test_days_before_the_first_partition_are_no_difference(chain: Chain) -> None:
    chain.fill([line(f"o{on}", on) for on in ("2023-12-30", "01-02", "01-03")])
    assert chain.load("01-01", "01-03").succeeded
    assert "Every day from 2024-01-01 to 2024-01-03 equals the mart." in explain(chain)


def test_a_month_that_is_wrong_is_still_told_apart(chain: Chain) -> None:
    chain.fill([line("o", "01-01")])
    assert chain.load("01-01").succeeded
    chain.in_warehouse("UPDATE rfm.aggregated_monthly SET total_order = 7")
    assert "The days are right and their months are not" in explain(chain, "01-01")
