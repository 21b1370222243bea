"""A snapshot that is older than what is kept, taken again: what was made of it stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rfm_platform.automation.jobs import SNAPSHOT_JOB
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import Outcome, Step
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

DAYS = ("01-20", "01-21", "01-22")
OLDEST, NEWEST = DAYS[0], DAYS[-1]


@pytest.fixture
def loaded(server: EmbeddedServer, tmp_path: Path) -> Chain:
    """Three days, no snapshot yet; one is kept."""
    chain = new_chain(server, tmp_path, start_date=day(OLDEST), keep_days=1)
    chain.fill([line(f"{on}-{n}", on, user_id=f"u{n}") for on in DAYS for n in range(4)])
    assert chain.load(OLDEST, NEWEST).succeeded
    return chain


@pytest.fixture
def taken(loaded: Chain) -> Chain:
    """Each day's snapshot was taken in the morning after it."""
    for on in DAYS:
        assert loaded.snapshot(on).succeeded
    return loaded


def take_at_once(chain: Chain) -> Outcome:
    """All days in one run, which goes through them asset by asset."""
    (outcome,) = chain.run(Step(SNAPSHOT_JOB, day(OLDEST), day(NEWEST), "all days"))
    return outcome


def thresholds(chain: Chain) -> dict[str, list[tuple[Any, ...]]]:
    """By the day, as the warehouse and as the lake holds them."""
    with chain.platform.engine.session() as session:
        session.view(chain.platform.lake.rfm_thresholds)
        lake = session.rows("SELECT as_of_date, * EXCLUDE (as_of_date) FROM rfm_thresholds")
    published = sorted(chain.in_warehouse("SELECT * FROM rfm.rfm_thresholds"))
    assert sorted(lake) == published
    days = sorted({row[0] for row in published})
    return {f"{on:%m-%d}": [row for row in published if row[0] == on] for on in days}


def kept(chain: Chain, outcome: Outcome, asset: str) -> dict[str, bool]:
    """What a run says of each day's snapshot."""
    with chain.instance() as instance:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset)), limit=100
        ).records
    return {
        str(r.partition_key)[5:]: bool(r.asset_materialization.metadata["kept_by_retention"].value)
        for r in records
        if r.run_id == outcome.run_id and r.asset_materialization
    }


def test_thresholds_of_a_snapshot_that_is_taken_again_and_not_kept_stay(taken: Chain) -> None:
    before = thresholds(taken)
    assert list(before) == list(DAYS)
    outcome = taken.snapshot(OLDEST)
    assert outcome.succeeded, outcome.errors
    assert thresholds(taken) == before
    assert kept(taken, outcome, "rfm_scores") == {OLDEST: False}
    assert taken.in_warehouse("SELECT DISTINCT as_of_date FROM rfm.rfm_scores_snapshots") == [
        (day(NEWEST),)
    ]


def test_a_range_in_one_run_leaves_thresholds_of_days_that_are_not_kept(taken: Chain) -> None:
    before = thresholds(taken)
    outcome = take_at_once(taken)
    assert outcome.succeeded, outcome.errors
    assert thresholds(taken) == before
    assert kept(taken, outcome, "rfm_scores") == {on: on == NEWEST for on in DAYS}


def test_a_first_range_in_one_run_says_which_days_it_did_not_score(loaded: Chain) -> None:
    outcome = take_at_once(loaded)
    assert outcome.succeeded, outcome.errors
    assert list(thresholds(loaded)) == [NEWEST]
    assert kept(loaded, outcome, "rfm_scores") == {on: on == NEWEST for on in DAYS}


@pytest.mark.parametrize("on", [OLDEST, NEWEST])
def test_a_day_without_a_customer_is_scored_as_empty_however_old_it_is(
    taken: Chain, on: str
) -> None:
    before = thresholds(taken)
    taken.in_mart("DELETE FROM flatten_order_marketplace")
    assert taken.load(OLDEST, NEWEST).succeeded
    outcome = taken.snapshot(on)
    assert outcome.succeeded, outcome.errors
    assert thresholds(taken) == {other: rows for other, rows in before.items() if other != on}
    assert kept(taken, outcome, "rfm_scores") == {on: True}


def test_analyses_of_a_snapshot_that_is_not_kept_go_with_its_customers_and_do_not_come_back_empty(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """The day after was taken without analyses; of the month end everything stays."""
    days = ("01-31", "02-01", "02-02")
    chain = new_chain(
        server,
        tmp_path,
        start_date=day(days[0]),
        keep_days=1,
        analyses=True,
        min_customers=1,
        min_days=1,
    )
    chain.fill([line(f"{on}-{n}", on, user_id=f"u{n}") for on in days for n in range(4)])
    assert all(chain.load(on).succeeded for on in days)
    assert chain.snapshot("01-31").succeeded
    tables = ("rfm_segments", "rfm_cells", "rfm_concentration", "rfm_migration")
    before = {table: chain.in_warehouse(f"TABLE rfm.{table}_snapshots") for table in tables}
    assert [table for table in tables if before[table]] == [*tables[:3]]
    assert chain.snapshot("02-01").succeeded
    assert all(chain.in_warehouse(f"TABLE rfm.{table}") for table in tables)
    without = replace(chain, settings=chain.settings.model_copy(update={"analyses": False}))
    assert without.snapshot("02-02").succeeded
    outcome = chain.snapshot("02-01")
    assert outcome.succeeded, outcome.errors
    for table in tables:
        assert chain.in_warehouse(f"TABLE rfm.{table}_snapshots") == before[table]
        assert chain.in_warehouse(f"TABLE rfm.{table}") == []
    assert kept(chain, outcome, "rfm_segments") == {"02-01": False}
    assert kept(chain, outcome, "rfm_migration") == {"02-01": False}
    failed = [c for c in outcome.checks if not c.passed and c.severity == "ERROR"]
    assert not failed
