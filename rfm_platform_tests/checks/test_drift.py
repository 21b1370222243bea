"""The verdicts on days and snapshots that are not like the ones before."""

from dataclasses import replace
from importlib import resources
from pathlib import Path
from unittest.mock import ANY

import dagster as dg
import pytest
import yaml

from rfm_platform.calendar import days_between
from rfm_platform.checks.drift import NOT_JUDGED
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

WARN = dg.AssetCheckSeverity.WARN
MONDAYS = ("01-08", "01-15", "01-22", "02-05")


@pytest.fixture(scope="module")
def chain(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Ten customers who buy on Mondays, and on the last one twenty more. Nobody changes it."""
    home = tmp_path_factory.mktemp("drift")
    chain = new_chain(server, home, start_date=day("01-01"), drift_orders=5, drift_history=3)
    lines = [line(f"{on}-{n}", on, user_id=f"u{n}") for on in MONDAYS for n in range(10)]
    lines += [line(f"more-{n}", "02-05", user_id=f"u{n}") for n in range(30)]
    chain.fill(lines)
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-31"))
    assert all(outcome.succeeded for outcome in chain.materialize("02-01", "02-05"))
    return chain


def test_an_unusual_day_is_a_warning_with_figures_and_a_picture(chain: Chain) -> None:
    short = chain.judge("days_are_as_usual", "01-22")
    assert (short.passed, short.description) == (
        True,
        "2024-01-22 is not judged: 2 comparable days.",
    )
    verdict = chain.judge("days_are_as_usual", "02-05")
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, WARN, False)
    assert "2024-02-05 is unusual: " in (verdict.description or "")
    assert "orders of shopee 40, usually 10" in (verdict.description or "")
    table = verdict.metadata["figures"].value
    assert isinstance(table, dg.TableMetadataValue)
    assert {"orders", "revenue"} <= {record.data["figure"] for record in table.records}
    assert "data:image/svg+xml;base64," in str(verdict.metadata["pictures"].value)


def refresh(chain: Chain, on: str) -> dict[str | None, tuple[bool, str | None]]:
    """What the morning of a day says of each day that it did."""
    (outcome,) = chain.run(*plan_refresh(day(on), all_days=True))
    assert outcome.succeeded, outcome.errors
    return {
        each.day: (each.passed, each.description)
        for each in outcome.checks
        if each.check == "days_are_as_usual"
    }


def test_only_the_runs_own_day_and_days_that_were_judged_before_are_judged(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """The first morning loads two months with spikes in them; from then on days change late."""
    chain = new_chain(server, tmp_path, start_date=day("01-01"), drift_orders=5, drift_history=3)
    counts = dict.fromkeys(days_between(day("01-01"), day("03-06")), 10)
    spikes = (day("02-07"), day("02-22"), day("03-05"))
    counts |= dict.fromkeys(spikes, 60)
    chain.fill(
        [line(f"{on}-{n}", str(on), user_id=f"u{n}") for on in counts for n in range(counts[on])]
    )

    first = refresh(chain, "03-04")
    assert first.pop("2024-03-04") == (True, "2024-03-04 has nothing unusual.")
    assert len(first) == 63
    assert set(first.values()) == {(NOT_JUDGED.passed, NOT_JUDGED.summary)}

    assert "orders of shopee 60, usually 10" in str(refresh(chain, "03-05")["2024-03-05"])

    chain.in_mart(
        "DELETE FROM flatten_order_marketplace "
        "WHERE order_id > '2024-03-05-5' AND order_id < '2024-03-05-6'"
    )
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = '2024-02-22-0'")
    assert refresh(chain, "03-06") == {
        "2024-02-22": (NOT_JUDGED.passed, NOT_JUDGED.summary),
        "2024-03-05": (False, ANY),
        "2024-03-06": (True, "2024-03-06 has nothing unusual."),
    }
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = '2024-02-22-1'")
    chain.in_mart(
        "DELETE FROM flatten_order_marketplace WHERE create_timestamp::date = '2024-03-05' "
        "AND length(order_id) = 13"
    )
    recovered = refresh(chain, "03-06")
    assert recovered["2024-02-22"] == (NOT_JUDGED.passed, NOT_JUDGED.summary)
    assert recovered["2024-03-05"] == (True, "2024-03-05 has nothing unusual.")


def test_a_special_day_says_that_it_is_compared_with_nothing(chain: Chain) -> None:
    verdict = chain.judge("days_are_as_usual", "02-02")
    assert verdict.passed
    assert verdict.description == "2024-02-02 is not compared: double-date sales."


def test_shifted_segments_and_thresholds_are_a_warning(chain: Chain) -> None:
    assert chain.judge("segments_are_stable", "01-31").passed
    verdict = chain.judge("segments_are_stable", "02-05")
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, WARN, False)
    assert "Against 2024-01-31: " in (verdict.description or "")
    assert "segments have shifted (index" in (verdict.description or "")
    # Ten have five orders now and twenty have one: the third quartile lies among the ten.
    assert "Q3 of frequency (all) is 5, was 3" in (verdict.description or "")


def test_a_segment_that_was_renamed_has_not_shifted(chain: Chain, tmp_path: Path) -> None:
    """Snapshots keep the names of their day; both are compared by those of today's file."""
    content = yaml.safe_load(
        (resources.files("rfm_platform.customers") / "segments.yaml").read_text(encoding="utf-8")
    )
    for segment in content["segments"]:
        segment["name"] = f"{segment['name']} of today"
    file = tmp_path / "segments.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    today = replace(chain, settings=chain.settings.model_copy(update={"segments_file": file}))
    names, sizes = _segments(chain)
    assert _segments(today) == ([f"{name} of today" for name in names], sizes)


def _segments(chain: Chain) -> tuple[list[object], list[object]]:
    verdict = chain.judge("segments_are_stable", "02-05")
    table = verdict.metadata["segments"].value
    assert isinstance(table, dg.TableMetadataValue)
    rows = [{**record.data} for record in table.records]
    return [row.pop("segment") for row in rows], [*rows, verdict.description]


def test_thresholds_of_a_young_history_that_grow_with_it_are_no_warning(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """It had two days at the end of the month and has seven, and customers who buy on each."""
    chain = new_chain(server, tmp_path, start_date=day("01-01"))
    days = days_between(day("01-30"), day("02-05"))
    chain.fill([line(f"{on}-{n}", str(on), user_id=f"u{n}") for on in days for n in range(4)])
    platform = chain.platform
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, days)
    stable = (True, "Against 2024-01-31: stable (index 0.00).")
    assert _verdict_on_snapshots(chain, per_marketplace=False) == stable

    # So young is also a marketplace of an older company, where it has thresholds of its own.
    before = [day(on) for on in ("01-01", "01-10", "01-20", "01-31", "02-05")]
    chain.fill_more(
        [
            line(f"t-{on}-{n}", str(on), user_id=f"u{n}", marketplace="tokopedia")
            for on in before
            for n in range(4)
        ]
    )
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, before)
    assert _verdict_on_snapshots(chain, per_marketplace=True) == stable


def _verdict_on_snapshots(chain: Chain, *, per_marketplace: bool) -> tuple[bool, str | None]:
    """Of a month end and five days later, from what is in the lake."""
    transforms = chain.platform.transforms
    transforms.fold_months([day("01-01"), day("02-01")])
    for as_of in (day("01-31"), day("02-05")):
        transforms.analyse_customers(as_of)
        transforms.score(as_of, chain.platform.segments(), per_marketplace=per_marketplace)
    verdict = chain.judge("segments_are_stable", "02-05")
    return verdict.passed, verdict.description


def test_without_an_earlier_snapshot_nothing_is_compared_and_that_is_said(chain: Chain) -> None:
    verdict = chain.judge("segments_are_stable", "01-31")
    assert verdict.description == "Not compared: there is no snapshot as of 2023-12-31."


def test_a_day_on_which_no_customer_is_left_is_a_warning(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """All orders were cancelled: there is a snapshot, and it has no row."""
    chain = new_chain(server, tmp_path)
    chain.fill([line(f"{on}-{n}", on) for on in ("01-10", "01-31") for n in range(20)])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-31"))
    chain.in_mart("UPDATE flatten_order_marketplace SET cancelled_flag = 'true'")
    (outcome,) = chain.run(*plan_refresh(day("02-05"), all_days=True))
    assert outcome.succeeded
    verdict = chain.judge("segments_are_stable", "02-05")
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert verdict.description == (
        "No customer is left as of 2024-02-05; as of 2024-01-31 there were 40."
    )
    removed = chain.judge("segments_are_stable", "01-15")
    assert removed.description == "Not compared: retention removes snapshots of such days."
