"""A Spark server, or workers of one, killed while it computes: the step fails with a sentence, the
lake holds what it held, and the same step started again gives what DuckDB gives. A server that
stands still for a while is waited for, a worker that does is replaced.

Sail runs the workers of its local cluster mode within the server's process, so with it driver and
workers die at once. As on Kubernetes, workers are processes of their own in `sail_workers`.
"""

import datetime as dt
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.customers.transforms import Transforms
from rfm_platform.engine import spark as spark_engine
from rfm_platform.engine import spark_client
from rfm_platform.engine.spark import ConnectSession, SparkEngine, SparkError
from rfm_platform.engine.spark_client import DefaultPolicy
from rfm_platform.engine.spark_files import NotSharedError
from rfm_platform.lake import Lake
from rfm_platform_tests.customers.conftest import SEGMENTS, Chain
from rfm_platform_tests.customers.conftest import chain as chain  # noqa: PLC0414 - a fixture
from rfm_platform_tests.customers.test_conformance import dirty_mart
from rfm_platform_tests.engine.sail_workers import sail_with_workers
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


def _read(chain: Chain) -> Transforms:
    """A lake that holds lines and nothing else, and what computes the rest."""
    rows = dirty_mart()
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    chain.extract(rows.days[0], rows.days[-1])
    return Transforms(chain.platform.lake, chain.platform.engine, "Asia/Jakarta")


def _at_write(
    monkeypatch: pytest.MonkeyPatch, write: int, happens: Callable[[], None]
) -> list[float]:
    """Lets something happen as the so many'th file is being written, once; when it did."""
    happened: list[float] = []
    count = 0
    write_files = ConnectSession._write

    def written(self: ConnectSession, *arguments: Any, **options: Any) -> Path:
        nonlocal count
        count += 1
        if count == write and not happened:
            happened.append(time.monotonic())
            happens()
        return write_files(self, *arguments, **options)

    monkeypatch.setattr(ConnectSession, "_write", written)
    return happened


def _soon(act: Callable[[], object]) -> None:
    """While the query runs that is about to be sent."""
    threading.Timer(0.01, act).start()


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
    computing = _read(chain)
    # It tries for seven seconds, several times over: nobody comes back here.
    monkeypatch.setattr(spark_engine, "_RETRIES", DefaultPolicy(max_retries=1, max_backoff=100))
    with sail(tmp_path, workers=2) as server:
        spark = replace(
            computing, engine=SparkEngine(chain.directory / "spark_sessions", server.remote)
        )
        left = _left_as_it_was(chain, spark, monkeypatch, write, server.process.kill)
    assert left is not None, "nobody can have computed it"
    assert str(server.port) in left
    with sail(tmp_path, workers=2, port=server.port):
        _compute(spark)
    _assert_as_by_duckdb(chain, computing)


@pytest.mark.parametrize("write", [2, 12])
def test_a_server_that_stands_still_for_a_while_is_waited_for(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    computing = _read(chain)
    with sail(tmp_path, workers=2) as server:

        def stand_still() -> None:
            server.process.send_signal(signal.SIGSTOP)
            threading.Timer(STANDS_STILL, server.process.send_signal, [signal.SIGCONT]).start()

        stood_still = _at_write(monkeypatch, write, stand_still)
        sessions = chain.directory / "spark_sessions"
        _compute(replace(computing, engine=SparkEngine(sessions, server.remote)))
    assert time.monotonic() - stood_still[0] > STANDS_STILL
    _assert_as_by_duckdb(chain, computing)


@pytest.mark.filterwarnings("ignore:.*RETRIES_EXCEEDED")
def test_a_server_that_says_nothing_any_more_is_given_up(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose machine is gone: its connections stay open, and nothing comes over them."""
    computing = _read(chain)
    monkeypatch.setattr(spark_engine, "_RETRIES", DefaultPolicy(max_retries=1, max_backoff=100))
    for name in ("ASKED_SECONDS", "GIVEN_UP_SECONDS", "CONNECT_SECONDS"):
        monkeypatch.setattr(spark_client, name, 1)
    with sail(tmp_path, workers=2) as server:
        spark = replace(
            computing, engine=SparkEngine(chain.directory / "spark_sessions", server.remote)
        )
        left = _left_as_it_was(
            chain, spark, monkeypatch, 2, partial(server.process.send_signal, signal.SIGSTOP)
        )
        assert left is not None
        assert str(server.port) in left
        server.process.send_signal(signal.SIGCONT)
        _compute(spark)
    _assert_as_by_duckdb(chain, computing)


@pytest.mark.parametrize(("killed", "write"), [(1, 2), (2, 10), (1, 15)])
def test_workers_killed_in_the_middle_leave_the_lake_as_it_was(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: int, write: int
) -> None:
    computing = _read(chain)
    with sail_with_workers(tmp_path, workers=2) as (server, workers):
        spark = replace(
            computing, engine=SparkEngine(chain.directory / "spark_sessions", server.remote)
        )
        started: list[int] = []

        def kill() -> None:
            started.append(len(workers.processes))
            for process in workers.running()[:killed]:
                process.kill()

        if _left_as_it_was(chain, spark, monkeypatch, write, kill) is not None:
            # The server lives, and starts others.
            _compute(spark)
        assert len(workers.processes) > started[0]
    _assert_as_by_duckdb(chain, computing)


def test_a_worker_that_stands_still_is_replaced(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computing = _read(chain)
    with sail_with_workers(tmp_path, workers=2) as (server, workers):
        started: list[int] = []

        def stop_one() -> None:
            started.append(len(workers.processes))
            workers.running()[0].send_signal(signal.SIGSTOP)

        _at_write(monkeypatch, 12, lambda: _soon(stop_one))
        sessions = chain.directory / "spark_sessions"
        _compute(replace(computing, engine=SparkEngine(sessions, server.remote)))
        assert len(workers.processes) > started[0]
    _assert_as_by_duckdb(chain, computing)


def _left_as_it_was(
    chain: Chain,
    spark: Transforms,
    monkeypatch: pytest.MonkeyPatch,
    write: int,
    kill: Callable[[], object],
) -> str | None:
    """Computes, and kills as a file is being written; what the step failed with, or None.

    Raises:
        AssertionError: it failed, and something of it is there.
    """
    lake = spark.lake
    before: list[tuple[dict[str, int | None], dict[str, list[str]]]] = []

    def remember_and_kill() -> None:
        before.append((_versions(lake), _rows(chain, lake)))
        _soon(kill)

    happened = _at_write(monkeypatch, write, remember_and_kill)
    try:
        _compute(spark)
    except (SparkError, NotSharedError) as error:
        ((versions, held),) = before
        if _versions(lake) == versions:  # it was killed before it was done
            assert _rows(chain, lake) == held
        assert list((chain.directory / "spark_sessions").iterdir()) == [], "nothing is left of it"
        return str(error)
    assert happened
    return None
