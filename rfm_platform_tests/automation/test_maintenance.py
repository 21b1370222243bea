"""What is old goes; what tables and partitions are made of stays."""

import datetime as dt
import os
from pathlib import Path

import dagster as dg
import pytest

from rfm_platform.automation.maintenance import LEFTOVER_SECONDS, maintain, prune_logs
from rfm_platform.engine import SESSION
from rfm_platform.lake import vacuum
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.rebuild import VERIFICATION
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain
from rfm_platform_tests.conftest import new_database, url_of

IN_A_MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def chain(
    request: pytest.FixtureRequest,
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Chain:
    chain = new_chain(server, tmp_path, start_date=day("01-01"))
    if request.param == "PostgreSQL":
        storage = new_database(server, "dagster")
        monkeypatch.setenv("DAGSTER_PG_URL", url_of(storage))
    chain.fill([line(f"{on}", on) for on in ("01-01", "01-02", "01-03")])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-03"))
    return chain


def test_logs_of_old_runs_go_and_every_partition_keeps_its_status(chain: Chain) -> None:
    with chain.instance() as instance:

        def seen() -> object:
            keys = instance.get_materialized_partitions(dg.AssetKey("source_orders"))
            checks = chain.definitions.resolve_asset_graph().asset_check_keys
            states = instance.event_log_storage.get_asset_check_partition_info(list(checks))
            return sorted(keys), sorted(
                (str(i.check_key), str(i.partition_key), i.latest_execution_status.value)
                for i in states
            )

        runs = instance.get_runs()
        before = seen()
        now = dt.datetime.now(dt.UTC)
        assert prune_logs(instance, now - IN_A_MINUTE * 60) == 0, "nothing is that old"
        logs = [len(instance.all_logs(run.run_id)) for run in runs]
        assert prune_logs(instance, now + IN_A_MINUTE) == len(runs)
        assert prune_logs(instance, now + IN_A_MINUTE) == 0, "they go once"
        assert sum(len(instance.all_logs(run.run_id)) for run in runs) < sum(logs) / 2
        assert seen() == before
    assert chain.materialize("01-03", "01-03")[-1].succeeded


def test_old_versions_and_leftovers_go_and_the_tables_stay(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path)
    chain.fill([line("1", "01-01")])
    for _ in range(3):
        assert chain.load("01-01").succeeded
    table = chain.platform.lake.source_orders
    orphan = table.directory(day("01-01")) / "part-of-a-killed-writer.parquet"
    orphan.write_bytes(b"half")
    old = chain.settings.home / "spill" / f"{SESSION}old"
    young = chain.settings.home / f"{VERIFICATION}young"
    others = [chain.settings.home / "spill" / "session-notes", chain.settings.home / "verify-me"]
    for directory in (old, young, *others):
        directory.mkdir(parents=True)
    long_ago = old.stat().st_mtime - LEFTOVER_SECONDS - 1
    for directory in (old, *others):
        os.utime(directory, (long_ago, long_ago))
    os.utime(orphan, (0, 0))
    published = chain.published()
    with chain.instance() as instance:
        removed = maintain(instance, chain.platform)
        assert (removed.files, removed.directories) == (1, 1), "versions are kept for some days"
        assert not orphan.exists()
        assert not old.exists()
        assert young.exists()
        assert all(directory.exists() for directory in others), "somebody else's"
        assert vacuum(table, 0) == 2
        assert maintain(instance, chain.platform).files == 0
        job = chain.definitions.resolve_job_def("maintain")
        assert job.execute_in_process(instance=instance).success, "and as a job"
    assert len(list(table.path.glob("day=*/*.parquet"))) == 1
    assert chain.check("equals_the_source", "01-01").passed
    assert chain.published() == published
