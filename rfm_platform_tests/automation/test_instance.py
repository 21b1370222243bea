"""Dagster's storage, and the runs of processes that were killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from dagster_postgres import PostgresEventLogStorage

from rfm_platform.automation.instance import (
    PROCESS_TAG,
    end_killed_runs,
    open_instance,
    process_tag,
)
from rfm_platform.automation.storage import KeptOpenEventLogStorage
from rfm_platform.demo import synthetic
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import load_settings, read_settings
from rfm_platform_tests.assets.chain import Chain, line, new_chain
from rfm_platform_tests.conftest import url_of

POOL = "rfm"
FIRST, LAST = "12-12", "12-31"
DEADLINE_SECONDS = 60
POLL_SECONDS = 0.005


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    return new_chain(server, tmp_path)


@pytest.fixture
def _fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_without_a_url_dagster_keeps_its_runs_in_files_of_the_home(chain: Chain) -> None:
    chain.fill([line("o", "01-01")])
    assert chain.load("01-01").succeeded
    with chain.instance() as instance:
        assert isinstance(instance.event_log_storage, KeptOpenEventLogStorage)
        assert instance.get_runs_count() == 1
    assert list((chain.settings.home / "dagster").rglob("index.db"))


@pytest.mark.usefixtures("_fresh_settings")
def test_an_instance_that_is_opened_for_a_home_keeps_its_files_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that are handed over must not give way to those of the environment."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with open_instance(read_settings(tmp_path / "home")) as instance:
        instance.get_runs_count()
    assert list((tmp_path / "home").rglob("*.db"))
    assert not list((tmp_path / "elsewhere").rglob("*"))


def test_with_a_url_dagster_keeps_its_runs_in_postgresql(
    chain: Chain, warehouse: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", url_of(warehouse))
    chain.fill([line("o", "01-01"), line("p", "01-02", user_id="")])
    outcome = chain.load("01-01", "01-02")
    assert outcome.succeeded
    with chain.instance() as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        key = dg.AssetCheckKey(dg.AssetKey("source_orders"), "customers_are_known")
        infos = instance.event_log_storage.get_asset_check_partition_info([key])
        found = {i.partition_key: i.latest_execution_status.value for i in infos}
    assert (found["2024-01-01"], found["2024-01-02"]) == ("SUCCEEDED", "FAILED")
    with warehouse.connect() as connection:
        runs = connection.execute("SELECT run_id, status FROM runs").fetchall()
    assert runs == [(outcome.run_id, "SUCCESS")]
    assert not list((chain.settings.home / "dagster").rglob("*.db"))


def _tag(host: str, pid: int, started: str) -> dict[str, str]:
    return {PROCESS_TAG: f"{host}:{pid}:{started}"}


def test_only_runs_of_dead_processes_of_this_machine_are_ended(chain: Chain) -> None:
    own = process_tag()[PROCESS_TAG]
    host, pid, started = own.split(":")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with chain.instance() as instance:

        def run(
            tags: dict[str, str], status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
        ) -> str:
            return str(create_run_for_test(instance, status=status, tags=tags).run_id)

        killed = [
            run(_tag(host, dead.pid, "123")),
            run(_tag(host, int(pid), f"{started}0")),
            run(_tag(host, dead.pid, "123"), dg.DagsterRunStatus.STARTING),
            run(_tag(host, dead.pid, "123"), dg.DagsterRunStatus.CANCELING),
        ]
        kept = [
            run({PROCESS_TAG: own}),
            run(_tag(f"not-{host}", dead.pid, "123")),
            run({}),
        ]
        finished = run(_tag(host, dead.pid, "123"), dg.DagsterRunStatus.SUCCESS)
        assert sorted(end_killed_runs(instance)) == sorted(killed)
        statuses = {r.run_id: r.status for r in instance.get_runs()}
        assert {statuses[run_id] for run_id in killed} == {dg.DagsterRunStatus.FAILURE}
        assert {statuses[run_id] for run_id in kept} == {dg.DagsterRunStatus.STARTED}
        assert statuses[finished] is dg.DagsterRunStatus.SUCCESS


def test_the_place_of_a_killed_run_in_the_pool_is_free_again(chain: Chain) -> None:
    """Otherwise everything after it waits for ever: the pool has one place."""
    with chain.instance() as instance:
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(POOL)
        run = create_run_for_test(
            instance,
            status=dg.DagsterRunStatus.STARTED,
            tags=_tag(socket.gethostname(), 2**22 + 1, "1"),
        )
        assert storage.claim_concurrency_slot(POOL, run.run_id, "source_orders").is_claimed
        assert not storage.claim_concurrency_slot(POOL, "another", "source_orders").is_claimed
        assert end_killed_runs(instance) == [run.run_id]
        assert storage.get_concurrency_info(POOL).active_slot_count == 0


EXECUTE = """
import datetime as dt, sys
from rfm_platform.automation.instance import open_instance
from rfm_platform.definitions import build_defs
from rfm_platform.runs import execute, plan
from rfm_platform.settings import load_settings
settings = load_settings()
first, last = map(dt.date.fromisoformat, sys.argv[1:])
with open_instance(settings) as instance:
    for outcome in execute(build_defs(settings), instance, plan(first, last, "last")):
        print(outcome, flush=True)
"""


def _kill_when(chain: Chain, reached: Callable[[], bool]) -> None:
    """Runs everything in another process and kills it as soon as it has come so far."""
    settings = chain.settings
    variables = {
        "RFM_HOME": str(settings.home),
        "RFM_SOURCE_URL": url_of(chain.mart),
        "RFM_WAREHOUSE_URL": url_of(chain.warehouse),
        "RFM_START_DATE": str(settings.start_date),
        "RFM_END_DATE": str(settings.end_date),
        "RFM_MEMORY_LIMIT_MB": "500",
    }
    command = [sys.executable, "-c", EXECUTE, f"2024-{FIRST}", f"2024-{LAST}"]
    process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it never came so far"
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
            pytest.fail("it ended before it could be killed")
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_after_kill_9_at_any_moment_a_rerun_gives_the_tables_of_a_clean_run(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Killed while days are read, while months are checked, and while customers are scored."""
    chain = new_chain(server, tmp_path / "killed")
    synthetic.load(chain.mart, lines=20_000, days=20, dirty=False)
    lake = chain.platform.lake

    clean = new_chain(server, tmp_path / "clean")
    source = chain.settings.source_url
    clean = replace(clean, settings=clean.settings.model_copy(update={"source_url": source}))
    for outcome in clean.materialize(FIRST, LAST):
        assert outcome.succeeded, outcome.errors

    _kill_when(chain, lambda: bool(list(lake.source_orders.path.rglob("*.parquet"))))
    _kill_when(chain, lambda: bool(lake.aggregated_monthly.partitions()))
    _kill_when(chain, lambda: bool(lake.final_user_analysis.partitions()))
    with chain.instance() as instance:
        runs = instance.get_runs()
        assert dg.DagsterRunStatus.STARTED not in {run.status for run in runs}
        assert sum(run.status is dg.DagsterRunStatus.FAILURE for run in runs) >= 3
        assert instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 0

    for outcome in chain.materialize(FIRST, LAST):
        assert outcome.succeeded, outcome.errors
        failed = [c for c in outcome.checks if not c.passed and c.severity == "ERROR"]
        assert not failed
    published = chain.published()
    assert all(published.values())
    assert published == clean.published()
