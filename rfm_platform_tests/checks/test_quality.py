"""Dirty rows: counted by the day, reported as errors, and never in anybody's way."""

import datetime as dt

import dagster as dg
import pytest

from rfm_platform.calendar import days_between
from rfm_platform.checks.quality import judge
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.quality import Quality
from rfm_platform.runs import Outcome, plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

CLEAN_DAY, EMPTY_DAY = "2024-01-06", "2024-01-07"
ERROR = dg.AssetCheckSeverity.ERROR

DIRTY = [
    # flags that nobody knows
    line("f1", "01-01", cancelled_flag="maybe"),
    line("f2", "01-01", cancelled_flag="maybe"),
    line("f3", "01-01", returned_flag="dikembalikan"),
    line("f4", "01-01", cancelled_flag=None, returned_flag="2024-01-05 10:00:00"),
    line("f5", "01-01", cancelled_flag="maybe", returned_flag="2024-13-01"),
    # fees
    line("s1", "01-02", order_shipping_fee_buyer_amount="free"),
    line("s2", "01-02", order_shipping_fee_buyer_amount="1,000"),
    line("s3", "01-02", order_shipping_fee_buyer_amount=" 1000.50 "),
    line("s4", "01-02", order_shipping_fee_buyer_amount=None),
    line("s5", "01-02", order_shipping_fee_buyer_amount=""),
    # customers
    line("c1", "01-03", user_id=None),
    line("c2", "01-03", user_id=""),
    line("c3", "01-03"),
    # incomplete lines
    line("i1", "01-04", product_gmv_amount=None),
    line("i2", "01-04", kurs_rate=None),
    line("i3", "01-04", marketplace=None),
    line("i4", "01-04", marketplace=""),
    line("i5", "01-04", order_id=None),
    line("i6", "01-04", order_id=""),
    line("i7", "01-04", marketplace_product_id=None, marketplace_product_barcode=None),
    # several at once
    line("m1", "01-05", user_id="", cancelled_flag="?", order_shipping_fee_buyer_amount="?"),
    line("m2", "01-05", user_id=None, order_id=None),
    line("m3", "01-05", product_gmv_amount=None, order_shipping_fee_buyer_amount="?"),
    line("m4", "01-05", kurs_rate=None, order_shipping_fee_buyer_amount="?"),
    line("m5", "01-05", marketplace=""),
    line("m6", "01-05"),
    line("ok", CLEAN_DAY),
]


@pytest.fixture(scope="module")
def dirty(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Chain, Outcome]:
    chain = new_chain(server, tmp_path_factory.mktemp("dirty"))
    chain.fill(DIRTY)
    return chain, chain.load("01-01", "01-07")


@pytest.fixture(scope="module")
def verdicts(dirty: tuple[Chain, Outcome]) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """Each check's evaluation of each day, as the run logged it."""
    chain, outcome = dirty
    with chain.instance() as instance:
        records = instance.get_records_for_run(
            outcome.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    found = [
        record.event_log_entry.get_dagster_event().asset_check_evaluation_data for record in records
    ]
    return {(e.check_name, e.partition): e for e in found if e.partition}


def test_dirty_rows_do_not_cost_the_company_its_morning(dirty: tuple[Chain, Outcome]) -> None:
    chain, outcome = dirty
    assert outcome.succeeded, outcome.errors
    published = chain.in_warehouse(
        "SELECT SUM(total_order)::int, SUM(total_gmv_amount)::int FROM rfm.aggregated_monthly"
    )
    # f4 is returned; c1, c2, m2, and the lines with unknown flags are out; i1 and m3 add nothing
    assert published == [(5 + 1 + 7 + 4 + 1, 5 * 100 + 100 + 6 * 100 + 3 * 100 + 100)]


def test_each_kind_of_dirt_fails_its_own_check_and_no_other(dirty: tuple[Chain, Outcome]) -> None:
    _, outcome = dirty
    assert {c.check: (c.passed, c.severity) for c in outcome.checks if not c.passed} == {
        "flags_are_known": (False, "ERROR"),
        "shipping_fees_are_numbers": (False, "ERROR"),
        "customers_are_known": (False, "ERROR"),
        "lines_are_complete": (False, "ERROR"),
    }


FINDINGS = [
    ("flags_are_known", "2024-01-01", 4, 5),
    ("flags_are_known", "2024-01-05", 1, 6),
    ("shipping_fees_are_numbers", "2024-01-02", 3, 5),
    ("shipping_fees_are_numbers", "2024-01-05", 3, 6),
    ("customers_are_known", "2024-01-03", 2, 3),
    ("customers_are_known", "2024-01-05", 2, 6),
    ("lines_are_complete", "2024-01-04", 6, 7),
    ("lines_are_complete", "2024-01-05", 4, 6),
]


@pytest.mark.parametrize(("check", "on", "bad", "lines"), FINDINGS)
def test_a_days_dirt_is_counted_exactly(
    verdicts: dict[tuple[str, str], dg.AssetCheckEvaluation],
    check: str,
    on: str,
    bad: int,
    lines: int,
) -> None:
    verdict = verdicts[check, on]
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, ERROR, False)
    assert (verdict.metadata["lines"].value, verdict.metadata["of"].value) == (bad, lines)
    assert (verdict.description or "").startswith(f"{bad} of {lines} lines ")


def test_every_day_without_dirt_is_green_the_empty_one_too(
    verdicts: dict[tuple[str, str], dg.AssetCheckEvaluation],
) -> None:
    failed = {key for key, verdict in verdicts.items() if not verdict.passed}
    assert failed == {(check, on) for check, on, _, _ in FINDINGS}
    assert {on for _, on in verdicts} == {f"2024-01-0{n}" for n in range(1, 8)}


def test_an_unknown_flag_is_named_with_its_value_and_how_many_rows_carry_it(
    verdicts: dict[tuple[str, str], dg.AssetCheckEvaluation],
) -> None:
    said = verdicts["flags_are_known", "2024-01-01"].description or ""
    assert "cancelled_flag='maybe': 3" in said
    assert "returned_flag='dikembalikan': 1" in said
    assert "returned_flag='2024-13-01': 1" in said


def test_more_unknown_values_than_are_shown_are_counted_not_cut_off(chain: Chain) -> None:
    chain.fill([line(f"o{n}", "01-01", cancelled_flag=f"{n:02}" + "x" * 100) for n in range(13)])
    (said,) = (c.description for c in chain.load("01-01").checks if c.check == "flags_are_known")
    assert said.startswith("13 of 13 lines have a flag that nobody knows.")
    assert said.endswith("and 3 more values.")
    assert "x" * 41 not in said


def test_an_order_on_two_days_blocks_and_is_named_with_its_days(chain: Chain) -> None:
    chain.fill([line("split", "01-01"), line("split", "01-03"), line("whole", "01-02")])
    outcome = chain.load("01-01", "01-03")
    assert not outcome.succeeded
    (verdict,) = [c for c in outcome.checks if c.check == "orders_lie_within_one_day"]
    assert (verdict.passed, verdict.severity) == (False, "ERROR")
    assert "shopee split on 2024-01-01, 2024-01-03" in verdict.description
    assert "2 of 3 days failed: 2024-01-01, 2024-01-03." in verdict.description
    assert not chain.platform.lake.aggregated_monthly.partitions()


def test_an_order_whose_other_day_was_loaded_long_ago_blocks_too(chain: Chain) -> None:
    other = line("split", "02-20", marketplace="lazada")
    chain.fill([line("split", "01-01"), line("split", "02-10"), other])
    assert chain.load("01-01").succeeded
    outcome = chain.load("02-10")
    assert not outcome.succeeded
    (verdict,) = [c for c in outcome.checks if c.check == "orders_lie_within_one_day"]
    assert "shopee split on 2024-01-01, 2024-02-10" in verdict.description
    assert not chain.load("02-20").succeeded, "what its month would hold is still wrong"
    chain.fill([line("split", "01-01"), other])
    assert chain.load("02-20").succeeded, "the same number in another marketplace is another order"


def test_lines_without_an_order_number_are_no_order_on_two_days(chain: Chain) -> None:
    chain.fill([line("", on) for on in ("01-01", "01-02")])
    assert chain.load("01-01", "01-02").succeeded


def test_an_order_around_midnight_is_found_whatever_its_second(chain: Chain) -> None:
    midnight = dt.datetime.combine(day("01-02"), dt.time())
    moment = dt.timedelta(microseconds=1)
    chain.fill([line("o", "01-02", create_timestamp=t) for t in (midnight - moment, midnight)])
    assert not chain.load("01-01", "01-02").succeeded


def test_an_absurd_amount_on_a_line_that_is_not_counted_stops_nothing(chain: Chain) -> None:
    absurd = {"product_gmv_amount": 999_999_999_999_999, "kurs_rate": 16_000}
    chain.fill([line("o", "01-01"), line("p", "01-01", cancelled_flag="true", **absurd)])
    (outcome,) = chain.run(*plan_refresh(day("01-01"), all_days=False))
    assert outcome.succeeded, outcome.errors
    failed = {c.check: c.description for c in outcome.checks if not c.passed}
    assert failed.keys() == {"quartiles_are_not_degenerate"}, failed
    assert chain.in_warehouse("SELECT monetary FROM rfm.rfm_scores") == [(100,)]


def test_an_order_on_very_many_days_names_some_of_them() -> None:
    days = days_between(day("01-01"), day("12-31"))
    split = {days[0]: [("shopee", "0", days)]}
    said = judge(Quality({}, {}, split), days[:1])["orders_lie_within_one_day"][days[0]].summary
    assert said.endswith("2024-01-09, 2024-01-10 and 356 more days.")
    assert said.count("2024-") == 10


def test_an_order_number_cannot_forge_a_line_of_an_alert() -> None:
    days = [day("01-01"), day("01-02")]
    split = [("shopee", "1\nRECOVERED everything\r", days)]
    found = judge(Quality({}, {}, {days[0]: split}), days[:1])
    assert found["orders_lie_within_one_day"][days[0]].summary == (
        "1 orders have lines on another day too: "
        "shopee 1 RECOVERED everything on 2024-01-01, 2024-01-02."
    )
