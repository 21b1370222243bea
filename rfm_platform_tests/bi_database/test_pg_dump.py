"""pg_dump beside our session: what holds it up, what ends it, and what a kill leaves of it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rfm_platform.bi_database import dump, pg_dump
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import PINNED, CommandEndpoint, Session, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.limits import LOCK_SECONDS
from rfm_platform.bi_database.manifest import damaged_files, read_manifest
from rfm_platform.bi_database.state import DatabaseState, read_definitions
from rfm_platform.bi_database.tools import LOGIN, PASSFILE, stream
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database
from rfm_platform_tests.bi_database.conftest import Restored
from rfm_platform_tests.bi_database.test_endpoint import beside, name_of
from rfm_platform_tests.conftest import url_of
from rfm_platform_tests.deploy.kubectl import wait_until


@pytest.fixture(params=["by URL", "by a command"])
def reach(request: pytest.FixtureRequest) -> Callable[[Database], UrlEndpoint | CommandEndpoint]:
    def by_command(database: Database) -> CommandEndpoint:
        return CommandEndpoint(beside(database), "postgres", name_of(database))

    return UrlEndpoint if request.param == "by URL" else by_command


def test_a_truncate_that_comes_between_snapshot_and_pg_dump_is_not_held_up_for_ever(
    own_source: Callable[..., Database],
    reach: Callable[[Database], UrlEndpoint | CommandEndpoint],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It waits for our session, pg_dump for it, and our session for pg_dump."""
    source = own_source()
    waiting = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND query LIKE 'TRUNCATE%'"
    )

    def truncate() -> None:
        with source.connect() as connection:
            connection.execute("TRUNCATE favorites")

    truncating = threading.Thread(target=truncate)

    def come_between(session: Session) -> DatabaseState:
        state = read_definitions(session)
        truncating.start()
        with source.connect() as connection:
            connection.autocommit = True
            wait_until(lambda: connection.execute(waiting).fetchone() is not None, "it waits")
        return state

    monkeypatch.setattr(pg_dump, "LOCK_SECONDS", 1)
    monkeypatch.setattr(dump, "read_definitions", come_between)
    with pytest.raises(BiDatabaseError) as raised:
        make_dump(reach(source), tmp_path / "dump", DumpOptions())
    said = str(raised.value)
    assert "did not get public.favorites (session " in said
    assert "waits for AccessExclusiveLock on it) within 1 seconds" in said
    assert "dump again" in said
    truncating.join(timeout=20)
    assert not truncating.is_alive()
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_somebody_keeps_for_themselves_is_not_waited_for_for_ever(
    own_source: Callable[..., Database],
    reach: Callable[[Database], UrlEndpoint | CommandEndpoint],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Reading the definitions already waits for it."""
    assert PINNED["lock_timeout"] == f"{LOCK_SECONDS}s"
    monkeypatch.setitem(PINNED, "lock_timeout", "100ms")
    source = own_source()
    with source.connect() as connection:
        connection.execute("LOCK TABLE queries IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(PlatformError, match=r"lock timeout.*a table for themselves"):
            make_dump(reach(source), tmp_path / "dump", DumpOptions())


@pytest.mark.parametrize("limit", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_source_that_limits_transactions_is_dumped(
    own_source: Callable[..., Database],
    reach: Callable[[Database], UrlEndpoint | CommandEndpoint],
    tmp_path: Path,
    limit: str,
) -> None:
    """The snapshot's session has nothing to do while pg_dump works."""
    source = own_source()
    with source.connect() as connection:
        connection.execute(f"ALTER DATABASE {name_of(source)} SET {limit} = '300ms'".encode())

    def take_long(text: str) -> None:
        if text == "waiting for pg_dump":
            time.sleep(0.7)  # idle for longer than the limit, which is what is tried

    make_dump(reach(source), tmp_path / "dump", DumpOptions(), take_long)
    assert (tmp_path / "dump" / "manifest.json").exists()


def test_a_target_that_quotes_every_name_is_verified(restored: Restored) -> None:
    name = name_of(restored.database)
    restored.change(f"ALTER DATABASE {name} SET quote_all_identifiers = on")
    assert restored.verify().passed


@pytest.mark.skipif(sys.platform != "linux", reason="no other kernel tells a child of it")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_dump_that_is_killed_leaves_no_pg_dump_and_no_password_to_the_next(
    own_source: Callable[..., Database], tmp_path: Path, how: signal.Signals
) -> None:
    source, password = own_source(), "hunter2"
    at_work = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'pg_dump'"
    )
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from rfm_platform.bi_database import dump\n"
        "from rfm_platform.bi_database.dump import DumpOptions, make_dump\n"
        "from rfm_platform.bi_database.endpoint import UrlEndpoint\n"
        "from rfm_platform.postgres import Database, external\n"
        "source = external('s', sys.argv[1])\n"
        f"with_password = Database('s', lambda: source.conninfo() | {{'password': '{password}'}})\n"
        "read_definitions = dump.read_definitions\n"
        "def pause(session):\n"
        "    state = read_definitions(session)\n"
        "    print('read', flush=True)\n"
        "    input()\n"
        "    return state\n"
        "dump.read_definitions = pause\n"
        "make_dump(UrlEndpoint(with_password), Path(sys.argv[2]), DumpOptions())\n"
    )
    command = [sys.executable, "-c", script, url_of(source), str(tmp_path / "dump")]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    with source.connect() as blocker, source.connect() as observer:
        observer.autocommit = True
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert stream(process.stdout).readline() == b"read\n"
        # pg_dump is to hang: on a table of which the definitions keep no lock.
        blocker.execute("LOCK TABLE extra.without_key IN ACCESS EXCLUSIVE MODE")
        stream(process.stdin).write(b"\n")
        stream(process.stdin).flush()
        wait_until(lambda: bool(observer.execute(at_work).fetchall()), "pg_dump is at work")
        login = tmp_path / ".dump.partial" / LOGIN
        assert password in login.with_name(PASSFILE).read_text("utf-8")
        process.send_signal(how)
        process.communicate()
        wait_until(lambda: not observer.execute(at_work).fetchall(), "pg_dump is gone")
    assert login.exists(), "nobody was left to remove it"
    make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions())
    assert damaged_files(tmp_path / "dump", read_manifest(tmp_path / "dump")) == []
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(password.encode() in path.read_bytes() for path in left)
    assert {path.name for path in tmp_path.iterdir()} == {"dump", "temporary"}
    assert list(temporary.iterdir()) == []
