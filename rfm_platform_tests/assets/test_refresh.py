"""Every morning's run: one run that reads its day and whatever has changed before it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from rfm_platform.cli.verify import verify
from rfm_platform.customers import extraction
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.presentation import SUMMARY
from rfm_platform.reconcile.rebuild import VERIFICATION
from rfm_platform.runs import Outcome, execute, plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

DAYS = ("01-29", "01-30", "01-31", "02-01", "02-02", "02-03")


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    chain = new_chain(server, tmp_path_factory.mktemp("refresh"), start_date=day("01-29"))
    chain.fill([line(f"{on}-{n}", on, user_id=f"u{n}") for on in DAYS for n in range(3)], [])
    return chain


def refresh(chain: Chain, as_of: str, *, all_days: bool = False) -> Outcome:
    with chain.instance() as instance:
        (outcome,) = execute(
            chain.definitions, instance, plan_refresh(day(as_of), all_days=all_days)
        )
    return outcome


@contextmanager
def without_lines(chain: Chain, which: str) -> Iterator[None]:
    """A mart that lacks some lines in the block."""
    lines = f"flatten_order_marketplace WHERE {which}"
    chain.in_mart(f"CREATE TABLE aside AS SELECT * FROM {lines}")
    chain.in_mart(f"DELETE FROM {lines}")
    yield
    chain.in_mart("INSERT INTO flatten_order_marketplace SELECT * FROM aside")


def materialized(chain: Chain, outcome: Outcome, asset: str) -> dict[str, dg.AssetMaterialization]:
    """What the run says it made, by day."""
    with chain.instance() as instance:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset)), limit=1000
        ).records
    return {
        record.partition_key or "": record.asset_materialization
        for record in records
        if record.run_id == outcome.run_id and record.asset_materialization
    }


def verdicts(
    chain: Chain, outcome: Outcome, check: str, *, sums: bool = True
) -> dict[str | None, bool]:
    """Each day's verdict of a check in the run; in sums it is the run's that counts."""
    with chain.instance() as instance:
        records = instance.get_records_for_run(
            outcome.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    found = [
        record.event_log_entry.dagster_event.asset_check_evaluation_data
        for record in records
        if record.event_log_entry.dagster_event
    ]
    return {
        each.partition: each.passed
        for each in found
        if each.check_name == check and (sums or SUMMARY not in each.metadata)
    }


def rebuilt(chain: Chain, server: EmbeddedServer, home: Path, as_of: str) -> Chain:
    """Another platform, built at once from the mart as it now stands."""
    other = new_chain(server, home, start_date=chain.settings.start_date)
    other = replace(
        other,
        settings=other.settings.model_copy(
            update={name: getattr(chain.settings, name) for name in ("source_url", "timezone")}
        ),
        mart=chain.mart,
    )
    assert all(run.succeeded for run in other.materialize("01-29", as_of))
    return other


def snapshots_as_of(chain: Chain, as_of: str) -> dict[str, list[tuple[Any, ...]]]:
    """The published rows, of the snapshots only those of a day."""
    on = day(as_of)
    return {
        table: [row for row in rows if table == "aggregated_monthly" or on in row]
        for table, rows in chain.published().items()
    }


def test_the_first_refresh_reads_every_day_up_to_its_own(chain: Chain) -> None:
    outcome = refresh(chain, "02-02")
    assert outcome.succeeded, outcome.errors
    days = [f"2024-{on}" for on in DAYS[:5]]
    for asset in ("source_orders", "aggregated_monthly"):
        assert sorted(materialized(chain, outcome, asset)) == days
    assert chain.in_warehouse("SELECT COUNT(*), MAX(as_of_date) FROM rfm.rfm_scores") == [
        (3, day("02-02"))
    ]


def test_late_changes_are_read_reported_checked_and_published(
    chain: Chain, server: EmbeddedServer, tmp_path: Path
) -> None:
    """Cancelled, deleted, arrived late, re-keyed: the tables are those of a rebuild."""
    assert refresh(chain, "02-02").succeeded
    for change in (
        "UPDATE flatten_order_marketplace SET cancelled_flag = 't' WHERE order_id = '01-29-1'",
        "DELETE FROM flatten_order_marketplace WHERE order_id = '01-31-0'",
        "UPDATE flatten_order_marketplace SET user_id = 'new' WHERE order_id = '01-31-2'",
        "INSERT INTO flatten_order_marketplace SELECT * FROM flatten_order_marketplace "
        "WHERE order_id = '02-01-0'",
    ):
        chain.in_mart(change)
    outcome = refresh(chain, "02-03")
    assert outcome.succeeded, outcome.errors

    read = materialized(chain, outcome, "source_orders")
    assert sorted(read) == ["2024-01-29", "2024-01-31", "2024-02-01", "2024-02-03"]
    metadata = read["2024-01-31"].metadata
    assert [metadata[f"lines_{what}"].value for what in ("added", "removed", "altered")] == [
        0,
        1,
        1,
    ]
    changed = read["2024-01-29"].metadata["status_changes"].value
    assert isinstance(changed, dg.TableMetadataValue)
    assert [record.data for record in changed.records] == [
        {"from": "valid", "to": "cancelled", "lines": 1}
    ]
    assert sorted(materialized(chain, outcome, "aggregated_monthly")) == sorted(read)
    for check in ("equals_the_source", "flags_are_known"):
        by_day = verdicts(chain, outcome, check)
        assert set(by_day) == set(read), check
        assert all(by_day.values())

    other = rebuilt(chain, server, tmp_path, "02-03")
    assert snapshots_as_of(chain, "02-03") == snapshots_as_of(other, "02-03")


def test_a_month_that_is_published_again_without_a_day_read_is_judged_as_well(
    chain: Chain,
) -> None:
    """A release that computes or shows months otherwise sends all of them again."""
    assert refresh(chain, "02-02").succeeded
    chain.in_warehouse("UPDATE rfm.publications SET version = 'of an earlier release'")
    outcome = refresh(chain, "02-03")
    assert outcome.succeeded, outcome.errors
    assert sorted(materialized(chain, outcome, "source_orders")) == ["2024-02-03"]
    both = {"2024-01-31": True, "2024-02-03": True}
    assert sorted(materialized(chain, outcome, "aggregated_monthly")) == sorted(both)
    assert verdicts(chain, outcome, "months_equal_the_source") == both


def test_snapshots_that_were_published_stay_as_they_were_reported(chain: Chain) -> None:
    assert refresh(chain, "02-02").succeeded
    reported = snapshots_as_of(chain, "02-02")
    chain.in_mart("UPDATE flatten_order_marketplace SET returned_flag = 'y' WHERE user_id = 'u0'")
    assert refresh(chain, "02-03").succeeded
    now = snapshots_as_of(chain, "02-02")
    del reported["aggregated_monthly"], now["aggregated_monthly"]
    assert now == reported
    assert chain.in_warehouse("SELECT DISTINCT as_of_date FROM rfm.rfm_scores") == [(day("02-03"),)]


def test_an_older_refresh_takes_nothing_away_from_a_newer_one(chain: Chain) -> None:
    assert refresh(chain, "02-03").succeeded
    newest = snapshots_as_of(chain, "02-03")
    assert refresh(chain, "02-01").succeeded
    assert snapshots_as_of(chain, "02-03") == newest
    assert chain.in_warehouse("SELECT DISTINCT as_of_date FROM rfm.cohort_matrix") == [
        (day("02-03"),)
    ]


def test_the_window_leaves_older_days_to_the_weekly_run(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path, start_date=day("01-29"), lookback_days=2)
    chain.fill([line(on, on) for on in DAYS])
    assert refresh(chain, "02-02").succeeded
    chain.in_mart("UPDATE flatten_order_marketplace SET product_gmv_amount = 7")
    read = materialized(chain, refresh(chain, "02-03"), "source_orders")
    assert sorted(read) == ["2024-02-01", "2024-02-02", "2024-02-03"]
    read = materialized(chain, refresh(chain, "02-03", all_days=True), "source_orders")
    assert sorted(read) == ["2024-01-29", "2024-01-30", "2024-01-31", "2024-02-03"]


def in_zone(chain: Chain, zone: str) -> Chain:
    return replace(chain, settings=chain.settings.model_copy(update={"timezone": zone}))


@pytest.mark.parametrize(("old", "new"), [("Asia/Jakarta", "UTC"), ("UTC", "Asia/Jakarta")])
def test_another_midnight_is_that_of_all_days(
    server: EmbeddedServer, tmp_path: Path, old: str, new: str
) -> None:
    """Days outside the window too: an order lies on another day, or between two of two zones."""
    chain = new_chain(
        server, tmp_path / "own", start_date=day("01-29"), lookback_days=1, timezone=old
    )
    zoned = "flatten_order_marketplace ALTER create_timestamp TYPE timestamptz"
    chain.in_mart(f"ALTER TABLE {zoned} USING create_timestamp AT TIME ZONE 'UTC'")
    for hour in (3, 20):
        for on in DAYS:
            moment = f"2024-{on} {hour:02}:00+00"
            chain.fill_more([line(f"{on} {hour}", on, user_id=on, create_timestamp=moment)])
    assert refresh(chain, "02-02").succeeded
    moved = in_zone(chain, new)
    outcome = refresh(moved, "02-03")
    assert outcome.succeeded, outcome.errors
    assert sorted(materialized(moved, outcome, "source_orders")) == [f"2024-{on}" for on in DAYS]
    fresh = rebuilt(moved, server, tmp_path / "fresh", "02-03")
    assert snapshots_as_of(moved, "02-03") == snapshots_as_of(fresh, "02-03")
    again = refresh(moved, "02-03")
    assert sorted(materialized(moved, again, "source_orders")) == ["2024-02-03"]


def test_another_midnight_is_also_that_of_later_days(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """A refresh of an older day, and a zone in which the newest day is not over yet."""
    chain = new_chain(server, tmp_path, start_date=day("01-29"), timezone="Asia/Jakarta")
    zoned = "flatten_order_marketplace ALTER create_timestamp TYPE timestamptz"
    chain.in_mart(f"ALTER TABLE {zoned} USING create_timestamp AT TIME ZONE 'UTC'")
    for on in DAYS:
        chain.fill_more([line(on, on, create_timestamp=f"2024-{on} 20:00+00")])
    assert refresh(chain, "02-03").succeeded
    moved = in_zone(chain, "UTC")
    moved = replace(moved, settings=moved.settings.model_copy(update={"end_date": day("02-02")}))
    outcome = refresh(moved, "01-31")
    assert outcome.succeeded, outcome.errors
    assert sorted(materialized(moved, outcome, "source_orders")) == [f"2024-{on}" for on in DAYS]


def test_a_day_loaded_under_another_midnight_alone_is_put_right_when_the_zone_is_back(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path, start_date=day("01-29"), lookback_days=1, timezone="UTC")
    zoned = "flatten_order_marketplace ALTER create_timestamp TYPE timestamptz"
    chain.in_mart(f"ALTER TABLE {zoned} USING create_timestamp AT TIME ZONE 'UTC'")
    for on in DAYS:
        chain.fill_more([line(on, on, create_timestamp=f"2024-{on} 20:00+00")])
    assert refresh(chain, "02-02").succeeded
    in_zone(chain, "Asia/Jakarta").load("01-30")
    outcome = refresh(chain, "02-03")
    assert outcome.succeeded, outcome.errors
    read = materialized(chain, outcome, "source_orders")
    assert sorted(read) == ["2024-01-30", "2024-02-03"]


def test_another_zone_means_nothing_to_timestamps_without_one(chain: Chain) -> None:
    assert refresh(chain, "02-02").succeeded
    outcome = refresh(in_zone(chain, "America/New_York"), "02-03")
    assert sorted(materialized(chain, outcome, "source_orders")) == ["2024-02-03"]


def test_a_day_without_orders_is_seen_as_loaded(chain: Chain) -> None:
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id LIKE '01-30%'")
    outcome = refresh(chain, "02-02")
    assert "2024-01-30" in materialized(chain, outcome, "source_orders")
    assert verdicts(chain, outcome, "history_is_complete") == {"2024-02-02": True}
    assert sorted(materialized(chain, refresh(chain, "02-03"), "source_orders")) == ["2024-02-03"]


def test_a_mart_that_is_being_filled_anew_empties_nothing(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refresh(chain, "02-02").succeeded
    before = chain.published()
    with without_lines(chain, "create_timestamp < '2024-02-03'"):
        monkeypatch.setattr(extraction, "DAYS_THAT_ARE_NOT_DELETED", 5)
        refused = refresh(chain, "02-03")
        assert not refused.succeeded
        assert "no line any more of any of 5 days from 2024-01-29 to 2024-02-02" in str(refused)
        assert chain.published() == before
        monkeypatch.setattr(extraction, "DAYS_THAT_ARE_NOT_DELETED", 6)
        assert refresh(chain, "02-03").succeeded, "so few days may be empty for good"
        assert chain.in_warehouse("SELECT COUNT(*) FROM rfm.rfm_scores") == [(3,)]
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse("SELECT SUM(frequency)::bigint FROM rfm.rfm_scores") == [(18,)]


def test_a_restated_month_is_in_the_ledger_and_a_growing_one_is_not(chain: Chain) -> None:
    assert refresh(chain, "02-02").succeeded
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse("SELECT COUNT(*) FROM rfm.restatements") == [(0,)]
    chain.in_mart(
        "UPDATE flatten_order_marketplace SET cancelled_flag = 't' "
        "WHERE order_id IN ('01-29-1', '02-01-0')"
    )
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = '01-31-2'")
    chain.fill_more([line("02-04-0", "02-04", user_id="u0")])
    outcome = refresh(chain, "02-04")
    assert chain.in_warehouse(
        "SELECT run_id, month_of_order, marketplace, through, total_order_before, "
        "total_order_after, total_cancelled_before, total_cancelled_after, "
        "total_gmv_base_amount_before, total_gmv_base_amount_after, customers_before, "
        "customers_after FROM rfm.restatements ORDER BY month_of_order"
    ) == [
        (outcome.run_id, day("01-01"), "shopee", day("01-31"), 9, 7, 0, 1, 900, 700, 3, 3),
        (outcome.run_id, day("02-01"), "shopee", day("02-03"), 9, 8, 0, 1, 900, 800, 3, 3),
    ]


RESTATED = (
    "SELECT month_of_order, through, total_order_before, total_order_after "
    "FROM rfm.restatements ORDER BY restated_at"
)


@pytest.mark.parametrize(
    "change",
    [
        "shop_id = '2'",
        "user_id = 'u1'",
        "magpie_region_code = 'MY'",
        "kurs_rate = 2, product_gmv_amount = 50",
    ],
)
def test_what_a_shop_or_customer_loses_to_another_is_a_restatement_though_the_sums_stay(
    chain: Chain, change: str
) -> None:
    """Of a month that is over, and of one that grows meanwhile."""
    assert refresh(chain, "02-02").succeeded
    chain.in_mart(
        f"UPDATE flatten_order_marketplace SET {change} WHERE order_id IN ('01-30-0', '02-01-0')"
    )
    assert refresh(chain, "02-03").succeeded
    assert sorted(chain.in_warehouse(RESTATED)) == [
        (day("01-01"), day("01-31"), 9, 9),
        (day("02-01"), day("02-02"), 6, 6),
    ]
    assert refresh(chain, "02-03", all_days=True).succeeded
    assert chain.in_warehouse("SELECT COUNT(*) FROM rfm.restatements") == [(2,)]


def test_what_a_shop_is_called_restates_nothing(chain: Chain) -> None:
    assert refresh(chain, "02-02").succeeded
    chain.in_mart("UPDATE flatten_order_marketplace SET shop_name = 'Glow Official'")
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse("SELECT COUNT(*) FROM rfm.restatements") == [(0,)]


def test_a_day_loaded_for_the_first_time_before_the_newest_is_a_restatement(chain: Chain) -> None:
    """As the ledger's comment says: the month was published up to a later day without it."""
    assert chain.load("01-29").succeeded
    assert chain.load("01-31").succeeded
    assert chain.in_warehouse("SELECT COUNT(*) FROM rfm.restatements") == [(0,)]
    assert chain.load("01-30").succeeded
    assert chain.in_warehouse(RESTATED) == [(day("01-01"), day("01-31"), 6, 9)]


def test_a_month_that_was_published_empty_is_restated_when_its_rows_are_back(chain: Chain) -> None:
    """A broken load of the mart: the ledger's last word is what the table says."""
    assert refresh(chain, "02-02").succeeded
    with without_lines(chain, "create_timestamp < '2024-02-01'"):
        assert refresh(chain, "02-03").succeeded
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse(RESTATED) == [
        (day("01-01"), day("01-31"), 9, 0),
        (day("01-01"), day("01-31"), 0, 9),
    ]


def test_a_months_last_days_that_vanish_and_come_back_are_restated_both_times(
    chain: Chain,
) -> None:
    assert refresh(chain, "02-01").succeeded
    with without_lines(chain, "create_timestamp BETWEEN '2024-01-30' AND '2024-02-01'"):
        assert refresh(chain, "02-02").succeeded
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse(RESTATED) == [
        (day("01-01"), day("01-31"), 9, 3),
        (day("01-01"), day("01-31"), 3, 9),
    ]


def test_orders_of_a_day_that_was_published_without_any_are_a_restatement(chain: Chain) -> None:
    """The mart was late: February was published as of the 2nd, without its orders."""
    late = "flatten_order_marketplace WHERE order_id LIKE '02-02%'"
    chain.in_mart(f"CREATE TABLE aside AS SELECT * FROM {late}")
    chain.in_mart(f"DELETE FROM {late}")
    assert refresh(chain, "02-02").succeeded
    chain.in_mart("INSERT INTO flatten_order_marketplace SELECT * FROM aside")
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse(RESTATED) == [(day("02-01"), day("02-02"), 3, 6)]


def test_a_month_whose_first_days_had_no_order_grows_without_being_restated(chain: Chain) -> None:
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id LIKE '02-01%'")
    for on in ("02-01", "02-02", "02-03"):
        assert refresh(chain, on).succeeded
    assert chain.in_warehouse(RESTATED) == []
    assert chain.in_warehouse(
        "SELECT month_of_order, through FROM rfm.publications ORDER BY 1"
    ) == [(day("01-01"), day("01-31")), (day("02-01"), day("02-03"))]


def test_what_an_older_release_published_is_restated_up_to_its_newest_day_with_rows(
    chain: Chain,
) -> None:
    assert refresh(chain, "02-02").succeeded
    chain.in_warehouse("UPDATE rfm.publications SET through = NULL")
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = '02-01-0'")
    assert refresh(chain, "02-03").succeeded
    assert chain.in_warehouse(RESTATED) == [(day("02-01"), day("02-02"), 6, 5)]


def test_a_late_day_that_is_dirty_does_not_turn_the_newest_day_red(chain: Chain) -> None:
    assert refresh(chain, "02-02").succeeded
    chain.in_mart("UPDATE flatten_order_marketplace SET user_id = '' WHERE order_id = '01-31-1'")
    outcome = refresh(chain, "02-03")
    assert outcome.succeeded
    assert verdicts(chain, outcome, "customers_are_known") == {
        "2024-01-31": False,
        "2024-02-03": True,
    }


def test_a_late_day_that_must_block_stops_the_publication(chain: Chain) -> None:
    """An order that turns up on a second day would be counted twice."""
    assert refresh(chain, "02-02").succeeded
    before = chain.published()
    chain.fill_more([line("02-01-1", "01-31")])
    outcome = refresh(chain, "02-03")
    assert not outcome.succeeded
    assert chain.published() == before
    red = verdicts(chain, outcome, "orders_lie_within_one_day")
    assert (red["2024-01-31"], red["2024-02-03"]) == (False, False)
    own = verdicts(chain, outcome, "orders_lie_within_one_day", sums=False)
    assert own["2024-02-03"] is True, "what the day itself is like is told too"


@pytest.mark.parametrize("again", ["02-03", "02-04"])
def test_what_must_block_blocks_until_it_is_put_right(chain: Chain, again: str) -> None:
    """The day was read; the mart is as it was read. It is judged again all the same."""
    assert refresh(chain, "02-02").succeeded
    before = chain.published()
    chain.fill_more([line("02-01-1", "01-31")])
    assert not refresh(chain, "02-03").succeeded
    assert not refresh(chain, again).succeeded
    loaded = chain.load("02-03")
    assert not loaded.succeeded, "nor does a run that was asked for another day only"
    assert chain.published() == before
    chain.in_mart(
        "DELETE FROM flatten_order_marketplace "
        "WHERE order_id = '02-01-1' AND create_timestamp < '2024-02-01'"
    )
    outcome = refresh(chain, again)
    assert outcome.succeeded
    assert all(verdicts(chain, outcome, "orders_lie_within_one_day").values())
    assert chain.published() != before
    assert list(materialized(chain, refresh(chain, again), "source_orders")) == [f"2024-{again}"]


def test_a_late_day_that_a_dying_run_has_read_is_judged_by_the_next(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refresh(chain, "02-02").succeeded
    chain.in_mart("UPDATE flatten_order_marketplace SET user_id = '' WHERE order_id = '01-31-1'")
    with monkeypatch.context() as patch:
        patch.setattr("rfm_platform.assets.source_orders.also_did", _dies)
        assert not refresh(chain, "02-03").succeeded
    outcome = refresh(chain, "02-03")
    assert outcome.succeeded
    assert sorted(materialized(chain, outcome, "source_orders")) == ["2024-01-31", "2024-02-03"]
    assert verdicts(chain, outcome, "customers_are_known")["2024-01-31"] is False


def _dies(*_: object) -> None:
    raise RuntimeError("between the lake and Dagster's records")


def test_verify_finds_nothing_after_a_refresh_and_names_the_table_after_a_change(
    chain: Chain,
) -> None:
    """Rebuilt from the source, and compared where the published rows are."""
    assert refresh(chain, "02-02").succeeded
    chain.in_mart("UPDATE flatten_order_marketplace SET cancelled_flag = 't' WHERE user_id = 'u1'")
    assert refresh(chain, "02-03").succeeded
    said = io.StringIO()
    console = Console(file=said, width=120)
    assert verify(chain.settings, console, None), said.getvalue()
    assert "Every row is what a rebuild gives" in said.getvalue()

    chain.in_warehouse("UPDATE rfm.aggregated_monthly SET total_order = 7 WHERE user_id = 'u2'")
    assert not verify(chain.settings, console, None)
    row = [each for each in said.getvalue().splitlines() if "aggregated_monthly" in each][-1]
    assert row.split() == ["aggregated_monthly", "6", "2", "2"]

    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = '01-29-0'")
    assert not verify(chain.settings, console, day("02-03")), "the source has changed since"
    assert not list(chain.settings.home.glob(f"{VERIFICATION}*")), "nothing is left behind"


def test_verify_sees_a_published_month_that_the_source_has_no_more(chain: Chain) -> None:
    assert refresh(chain, "02-03").succeeded
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE create_timestamp < '2024-02-01'")
    said = io.StringIO()
    assert not verify(chain.settings, Console(file=said, width=120), None)
    (row,) = [each for each in said.getvalue().splitlines() if "aggregated_monthly" in each]
    assert row.split() == ["aggregated_monthly", "3", "0", "3"]
    assert refresh(chain, "02-03").succeeded
    assert verify(chain.settings, Console(file=said, width=120), None)
