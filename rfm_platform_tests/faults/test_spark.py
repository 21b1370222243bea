"""A Spark server that is killed while it computes: the step fails with a sentence, the lake holds
what it held, and the same step on the next server gives what DuckDB gives. One that stands still
for a while is waited for.

Sail runs the workers of its local cluster mode within the server's process, so what is killed here
is that: driver and workers at once.
"""

import datetime as dt
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.customers.transforms import Transforms
from rfm_platform.engine import spark as spark_engine
from rfm_platform.engine.spark import ConnectSession, SparkEngine, SparkError
from rfm_platform.engine.spark_client import DefaultPolicy
from rfm_platform.engine.spark_files import NotSharedError
from rfm_platform.lake import Lake
from rfm_platform_tests.customers.conftest import SEGMENTS, Chain
from rfm_platform_tests.customers.conftest import chain as chain  # noqa: PLC0414 - a fixture
from rfm_platform_tests.customers.test_conformance import dirty_mart
from rfm_platform_tests.engine.spark_servers import sail

AS_OF = dt.date(2024, 3, 20)
STANDS_STILL = 3  # seconds
MONTHS = [dt.date(2024, month, 1) for month in (1, 2, 3)]


def _compute(transforms: Transforms) -> None:
    transforms.fold_months(MONTHS)
    transforms.analyse_customers(AS_OF)
    transforms.score(AS_OF, SEGMENTS, per_marketplace=False)
    transforms.build_cohorts(AS_OF)


def _rows(chain: Chain, lake: Lake) -> dict[str, list[str]]:
    """Every row of every computed table, without what says when it was computed, and from where."""
    found = {}
    for table in lake.tables:
        if table.files() and table.name != "source_orders":
            with chain.platform.engine.session() as session:
                session.view(table)
                rows = session.records(f'SELECT * FROM "{table.name}"')
            kept = [{k: v for k, v in row.items() if k != "load_timestamp"} for row in rows]
            found[table.name] = sorted(map(repr, kept))
    return found


def _versions(lake: Lake) -> dict[str, int | None]:
    return {table.name: table.version() for table in lake.tables}


def _read(chain: Chain) -> None:
    """A lake that holds lines and nothing else."""
    rows = dirty_mart()
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    chain.extract(rows.days[0], rows.days[-1])


def _assert_as_by_duckdb(chain: Chain, computing: Transforms) -> None:
    got = _rows(chain, chain.platform.lake)
    again = replace(chain.platform, lake=Lake(chain.directory))
    _compute(replace(computing, lake=again.lake))
    assert got == _rows(chain, again.lake)


# fold: three files of each of three months; customers: one; scores: five; cohorts: one.
@pytest.mark.filterwarnings("ignore:.*RETRIES_EXCEEDED")
@pytest.mark.parametrize("write", [1, 3, 10, 15])
def test_a_server_killed_in_the_middle_leaves_the_lake_as_it_was(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    _read(chain)
    lake = chain.platform.lake
    computing = Transforms(lake, chain.platform.engine, "Asia/Jakarta")
    sessions = chain.directory / "spark_sessions"
    before: list[tuple[dict[str, int | None], dict[str, list[str]]]] = []
    count = 0
    write_files = ConnectSession._write

    # It tries for seven seconds, several times over: nobody comes back here.
    monkeypatch.setattr(spark_engine, "_RETRIES", DefaultPolicy(max_retries=1, max_backoff=100))
    with sail(tmp_path, workers=2) as server:

        def kill_at(self: ConnectSession, *arguments: Any, **options: Any) -> Path:
            nonlocal count
            count += 1
            if count == write:
                before.append((_versions(lake), _rows(chain, lake)))
                threading.Timer(0.01, server.process.kill).start()
            return write_files(self, *arguments, **options)

        monkeypatch.setattr(ConnectSession, "_write", kill_at)
        spark = replace(computing, engine=SparkEngine(sessions, server.remote))
        with pytest.raises((SparkError, NotSharedError), match=str(server.port)):
            _compute(spark)
            raise AssertionError(f"only {count} writes")
    ((versions, held),) = before
    if _versions(lake) == versions:  # it was killed before it was done
        assert _rows(chain, lake) == held
    assert list(sessions.iterdir()) == [], "nothing is left of the session"

    monkeypatch.setattr(ConnectSession, "_write", write_files)
    with sail(tmp_path, workers=2, port=server.port):
        _compute(spark)
    _assert_as_by_duckdb(chain, computing)


@pytest.mark.parametrize("write", [2, 12])
def test_a_server_that_stands_still_for_a_while_is_waited_for(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    _read(chain)
    computing = Transforms(chain.platform.lake, chain.platform.engine, "Asia/Jakarta")
    write_files = ConnectSession._write
    stood_still = []
    count = 0
    with sail(tmp_path, workers=2) as server:

        def stop_at(self: ConnectSession, *arguments: Any, **options: Any) -> Path:
            nonlocal count
            count += 1
            if count == write:
                stood_still.append(time.monotonic())
                server.process.send_signal(signal.SIGSTOP)
                threading.Timer(STANDS_STILL, server.process.send_signal, [signal.SIGCONT]).start()
            return write_files(self, *arguments, **options)

        monkeypatch.setattr(ConnectSession, "_write", stop_at)
        sessions = chain.directory / "spark_sessions"
        _compute(replace(computing, engine=SparkEngine(sessions, server.remote)))
    assert stood_still
    assert time.monotonic() - stood_still[0] > STANDS_STILL
    _assert_as_by_duckdb(chain, computing)
