"""Dagster's storage, and the runs of processes that were killed."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from dagster_postgres import PostgresEventLogStorage

from rfm_platform.assets.definition import POOL
from rfm_platform.automation.instance import open_instance, prepare_dagster_home
from rfm_platform.automation.storage import KeptOpenEventLogStorage
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.processes import PROCESS_TAG, end_killed_runs, process_tags
from rfm_platform.settings import load_settings, read_settings
from rfm_platform_tests.assets.chain import Chain, line, new_chain
from rfm_platform_tests.conftest import url_of


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


def test_dagsters_file_is_replaced_in_one_go_and_only_where_it_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads half of it has runs of their own, and no pool."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    file = prepare_dagster_home(read_settings(tmp_path)) / "dagster.yaml"
    text, before = file.read_text("utf-8"), file.stat().st_ino
    assert "default_limit: 1" in text
    prepare_dagster_home(read_settings(tmp_path))
    assert file.stat().st_ino == before
    with file.open("a") as open_for_long:
        open_for_long.write("# of an earlier release\n")
        open_for_long.flush()
        prepare_dagster_home(read_settings(tmp_path))
        assert file.stat().st_ino != before
    assert file.read_text("utf-8") == text
    assert [path.name for path in file.parent.iterdir()] == ["dagster.yaml"]


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
    own = process_tags()[PROCESS_TAG]
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
