"""Whatever breaks, and whenever: after a refresh that goes through, the tables are a rebuild's.

Each test breaks a refresh, looks that nothing half-done is published, refreshes again, and lets
`rfm verify` rebuild everything from the source and compare it row by row.
"""

import datetime as dt
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from rfm_platform.cli.verify import verify
from rfm_platform.demo import synthetic
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import Outcome, execute, plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, new_chain
from rfm_platform_tests.faults.victim import LATE_CHANGES, begin, variables_of

FIRST, LAST = day("03-25"), day("04-30")
READY = day("04-10")  # up to here everything is refreshed before a test breaks something
KILLED = day("04-18")  # the newest that is killed at boundaries; later tests need some days
TIMEOUT_SECONDS = 120
POINTS = 4  # boundaries that a refresh is killed at; all of them in the long tier


@pytest.fixture(scope="module")
def _chain(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    chain = new_chain(
        server, tmp_path_factory.mktemp("faults"), start_date=FIRST, end_date=LAST, keep_days=60
    )
    days = (LAST - FIRST).days + 1
    synthetic.load(chain.mart, lines=12_000, days=days, end_date=LAST, dirty=False)
    assert refresh(chain, READY).succeeded
    return chain


@pytest.fixture
def chain(_chain: Chain, tmp_path: Path) -> Iterator[Chain]:
    """With late changes that nobody has read yet; each test goes on from where the last one was."""
    for number, change in enumerate(LATE_CHANGES):
        _chain.in_mart(change, READY, int(time.time()) % 40 + number)
    yield _chain
    (newest,) = _chain.in_warehouse("SELECT MAX(as_of_date) FROM rfm.rfm_scores")[0]
    assert refresh(_chain, newest).succeeded
    said = io.StringIO()
    assert verify(_chain.settings, Console(file=said, width=120), newest), said.getvalue()


def refresh(chain: Chain, as_of: dt.date) -> Outcome:
    with chain.instance() as instance:
        (outcome,) = execute(chain.definitions, instance, plan_refresh(as_of, all_days=False))
    return outcome


def next_day(chain: Chain) -> dt.date:
    (newest,) = chain.in_warehouse("SELECT MAX(as_of_date) FROM rfm.rfm_scores")[0]
    return day(str(newest)) + dt.timedelta(days=1)


def victim(chain: Chain, as_of: dt.date, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A refresh in a process of its own, by a command."""
    command = [sys.executable, "-m", "rfm_platform_tests.faults.victim", str(as_of)]
    return subprocess.Popen(
        [*prefix, *command],
        env=os.environ | variables_of(chain),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_kill_9_at_the_boundaries_of_a_refresh(_chain: Chain) -> None:
    """At each boundary the tables are the old ones or the new ones, and a rerun ends well."""
    points = range(3, 200, 200 // POINTS)
    if os.environ.get("FAULT_POINTS") == "all":
        points = range(1, 200)
    for point in points:
        as_of = min(next_day(_chain), KILLED)
        _chain.in_mart(LATE_CHANGES[point % 3], READY, point % 50)
        process, told = begin(_chain, plan_refresh(as_of, all_days=False), point)
        process.join(TIMEOUT_SECONDS)
        assert told.recv() == "begun"
        if process.exitcode == 0:
            assert told.recv() < point, "it has lived through its boundary"
            break
        assert process.exitcode == -signal.SIGKILL
        outcome = refresh(_chain, as_of)
        assert outcome.succeeded, (point, outcome.errors)
        said = io.StringIO()
        console = Console(file=said, width=120)
        assert verify(_chain.settings, console, as_of), (point, said.getvalue())
    else:
        pytest.fail("there are more boundaries than this test knows of")


@contextmanager
def broken_while(database: Database, activity: str) -> Iterator[threading.Event]:
    """Ends every connection to a database that is busy with something, until told otherwise."""
    happened, over = threading.Event(), threading.Event()

    def watch() -> None:
        with database.connect() as connection:
            connection.autocommit = True
            while not over.is_set():
                ended = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                    "AND state = 'active' AND query ILIKE %s",
                    [activity],
                ).fetchall()
                if ended:
                    happened.set()
                    return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield happened
    finally:
        over.set()
        thread.join()


@contextmanager
def read_slowly(chain: Chain) -> Iterator[None]:
    """Whatever reads the mart's lines meanwhile takes a moment, in which it is seen at it."""
    chain.in_mart("ALTER TABLE flatten_order_marketplace RENAME TO lines")
    chain.in_mart(
        "CREATE VIEW flatten_order_marketplace AS "
        "SELECT * FROM lines WHERE (SELECT pg_sleep(0.2)) IS NOT NULL"
    )
    try:
        yield
    finally:
        chain.in_mart("DROP VIEW flatten_order_marketplace")
        chain.in_mart("ALTER TABLE lines RENAME TO flatten_order_marketplace")


def test_the_mart_goes_down_in_the_middle_of_a_copy(chain: Chain) -> None:
    before = chain.published()
    with read_slowly(chain), broken_while(chain.mart, "%COPY (%") as happened:
        outcome = refresh(chain, next_day(chain))
    assert happened.is_set()
    assert not outcome.succeeded
    assert chain.published() == before
    assert "data mart" in " ".join(outcome.errors)


@contextmanager
def written_slowly(chain: Chain) -> Iterator[None]:
    """Whatever writes scores meanwhile takes a moment, in which it is seen at it."""
    chain.in_warehouse(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'"
    )
    chain.in_warehouse(
        "CREATE TRIGGER slow BEFORE INSERT ON rfm.rfm_scores_snapshots EXECUTE FUNCTION wait()"
    )
    try:
        yield
    finally:
        chain.in_warehouse("DROP FUNCTION wait CASCADE")


def test_the_warehouse_goes_down_in_the_middle_of_publishing(chain: Chain) -> None:
    as_of = next_day(chain)
    copying = '%COPY "rfm"."rfm_scores_snapshots"%FROM STDIN%'
    with written_slowly(chain), broken_while(chain.warehouse, copying) as happened:
        outcome = refresh(chain, as_of)
    assert happened.is_set()
    assert not outcome.succeeded
    scores = "SELECT FROM rfm.rfm_scores_snapshots WHERE as_of_date = %s"
    assert not chain.in_warehouse(scores, as_of)
    assert refresh(chain, as_of).succeeded


def on_a_small_disk(place: Path, size: str) -> tuple[str, ...]:
    """The beginning of a command that has a file system of its own, too small, at a place.

    Skips the test, and says why, where the system lets nobody mount one: not on Linux, or in a
    container that forbids namespaces.
    """
    place.mkdir(parents=True, exist_ok=True)
    script = f'mount -t tmpfs -o size={size} full "$0" && exec "$@"'
    # Root needs no namespace of users, and would lose its way to the server's socket in one.
    mapped = () if os.geteuid() == 0 else ("--map-root-user",)
    prefix = ("unshare", *mapped, "--mount", "sh", "-c", script, str(place))
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here: a full disk was not tried")
    return prefix


def test_the_disk_of_the_lake_is_full(chain: Chain) -> None:
    before = chain.published()
    prefix = on_a_small_disk(chain.settings.lake / "source_orders", "64k")
    process = victim(chain, next_day(chain), prefix=prefix)
    _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 1, errors
    assert "space" in errors.lower(), errors
    assert chain.published() == before


SPILL = """
import sys
from pathlib import Path
from rfm_platform.engine import DuckDBEngine
with DuckDBEngine(64_000_000, Path(sys.argv[1])).session() as session:
    session.materialize("t", "SELECT RANDOM() AS a, UUID() AS b FROM RANGE(5000000) ORDER BY a")
"""


def test_the_disk_that_the_engine_spills_to_is_full(tmp_path: Path) -> None:
    """An error that says so, and no rest of the session."""
    spill = tmp_path / "spill"
    keep = "import os; print(os.listdir(sys.argv[1]))"
    script = SPILL.replace("with Duck", "try:\n  with Duck").replace("    session", "      session")
    script += f"finally:\n  {keep}\n"
    process = subprocess.run(
        [*on_a_small_disk(spill, "4m"), sys.executable, "-c", script, str(spill)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert process.returncode == 1
    assert "space" in process.stderr.lower() or "could not write" in process.stderr.lower()
    assert process.stdout.strip() == "[]"


def test_two_refreshes_at_once_wait_for_each_other(chain: Chain) -> None:
    as_of = next_day(chain)
    both = [begin(chain, plan_refresh(as_of, all_days=False)) for _ in range(2)]
    try:
        for process, _ in both:
            process.join(TIMEOUT_SECONDS)
            assert process.exitcode == 0
    finally:
        for process, _ in both:
            process.kill()  # whoever comes next would wait for one that does not end


def test_a_day_without_orders_and_a_day_ten_times_as_large(chain: Chain) -> None:
    empty, large = next_day(chain), next_day(chain) + dt.timedelta(days=1)
    of_day = "WHERE create_timestamp >= %s AND create_timestamp < %s"
    chain.in_mart(
        f"DELETE FROM flatten_order_marketplace {of_day}", empty, empty + dt.timedelta(days=1)
    )
    chain.in_mart(
        "INSERT INTO flatten_order_marketplace SELECT (jsonb_populate_record(l, jsonb_build_object("
        "'order_id', order_id || '-' || n))).* FROM flatten_order_marketplace AS l, "
        f"generate_series(1, 9) AS n {of_day}",
        large,
        large + dt.timedelta(days=1),
    )
    assert refresh(chain, empty).succeeded
    assert refresh(chain, large).succeeded
