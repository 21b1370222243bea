"""A run that is killed at a random moment, begun again, ends with the tables of one that never was.

The moments come from a seed, which is printed and can be given back (FAULT_SEED): it repeats after
which share of a run each dies, not what the machine is doing then. FAULT_KILLS is how many of each
kind die.
"""

import datetime as dt
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rfm_platform.assets.definition import POOL
from rfm_platform.demo import synthetic
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.processes import UNFINISHED
from rfm_platform.runs import Step, plan, plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, new_chain
from rfm_platform_tests.conftest import url_of
from rfm_platform_tests.faults.victim import LATE_CHANGES, begin

FIRST, READY, LAST = day("03-25"), day("04-10"), day("04-30")
KILLS = int(os.environ.get("FAULT_KILLS", "2"))
TRIES = 3 * KILLS  # a run may have ended before its moment
TIMEOUT_SECONDS = 120


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = os.environ.get("FAULT_SEED") or str(time.time_ns())
    print(f"FAULT_SEED={seed}")
    return random.Random(seed)  # noqa: S311 - nothing is kept secret by it


@pytest.fixture(scope="module")
def clean(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A chain that nobody kills, and its mart."""
    chain = beside(server, tmp_path_factory.mktemp("clean"))
    days = (LAST - FIRST).days + 1
    synthetic.load(chain.mart, lines=4_000, days=days, end_date=LAST, dirty=False)
    return chain


def beside(server: EmbeddedServer, directory: Path, other: Chain | None = None) -> Chain:
    """A chain with an empty lake and an empty warehouse; with the mart of another one."""
    mart: dict[str, Any] = {"source_url": url_of(other.mart)} if other else {}
    return new_chain(
        server, directory, start_date=FIRST, end_date=LAST, keep_days=60, threads=1, **mart
    )


def succeed(chain: Chain, steps: Sequence[Step]) -> float:
    """Runs steps to their end; returns how many seconds that took."""
    start = time.monotonic()
    for outcome in chain.run(*steps):
        assert outcome.succeeded, outcome.errors
    return time.monotonic() - start


def killed_within(chain: Chain, steps: Sequence[Step], seconds: float) -> bool:
    """Begins steps in another process and kills it after some seconds, if it still runs."""
    process, told = begin(chain, steps, RFM_ANALYSES="false")
    assert told.poll(TIMEOUT_SECONDS), "it has begun"
    process.join(seconds)
    process.kill()
    process.join(TIMEOUT_SECONDS)
    assert process.exitcode in {0, -signal.SIGKILL}, "it failed by itself"
    return process.exitcode != 0


def test_daily_runs_killed_at_random_moments_end_as_if_they_had_not_been(
    clean: Chain, server: EmbeddedServer, tmp_path: Path, chance: random.Random
) -> None:
    """Morning after morning, late changes included, over tables that earlier kills have left."""
    victim, killed = beside(server, tmp_path, clean), 0
    load = plan(FIRST, READY, "last")
    for chain in (clean, victim):
        succeed(chain, load)
    for number, as_of in enumerate(mornings(TRIES)):
        clean.in_mart(LATE_CHANGES[number % 3], READY, chance.randrange(40))
        steps = plan_refresh(as_of, all_days=False)
        moment = chance.uniform(0, succeed(clean, steps))
        killed += killed_within(victim, steps, moment)
        succeed(victim, steps)
        assert victim.published() == clean.published(), (as_of, moment)
        if killed == KILLS:
            return
    pytest.fail(f"only {killed} were killed")


def mornings(count: int) -> Iterator[dt.date]:
    """The days after the ones that are loaded; the last again and again."""
    for number in range(count):
        yield min(READY + dt.timedelta(days=number + 1), LAST)


def test_backfills_killed_at_random_moments_end_as_if_they_had_not_been(
    clean: Chain, server: EmbeddedServer, tmp_path: Path, chance: random.Random
) -> None:
    """Each from nothing: several runs, a month's days or a snapshot each.

    The second kill comes while the runs go on where the first one left them.
    """
    steps = plan(FIRST, READY, "month-ends")
    unharmed = beside(server, tmp_path / "unharmed", clean)
    seconds = succeed(unharmed, steps)
    expected = unharmed.published()
    for number in range((KILLS + 1) // 2):
        victim = beside(server, tmp_path / str(number), clean)
        moments = [chance.uniform(0, seconds) for _ in range(TRIES)]
        died = list(islice((m for m in moments if killed_within(victim, steps, m)), 2))
        assert len(died) == 2, "it nearly always ended before"
        with victim.instance() as instance:
            assert not instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
            pool = instance.event_log_storage.get_concurrency_info(POOL)
            assert pool.active_slot_count == 0
        succeed(victim, steps)
        assert victim.published() == expected, died
