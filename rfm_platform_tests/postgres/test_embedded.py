"""The embedded server: real programs, real processes, a home of its own for every test."""

import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from rfm_platform.home import make_home
from rfm_platform.postgres import cluster, processes
from rfm_platform.postgres.database import Database, DatabaseError
from rfm_platform.postgres.embedded import EmbeddedServer

PROJECT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
NOBODY = "nobody"
DAEMON = "daemon"  # an ordinary user that is always there
USE_A_HOME = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from rfm_platform.postgres.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
with server.database("warehouse").connect() as connection:
    connection.execute("SELECT 1")
print(server.status().pid)
"""


@contextmanager
def _homes() -> Iterator[Path]:
    """A directory for homes: open to every account, short enough for a socket, and cleaned up."""
    directory = Path(tempfile.mkdtemp(prefix="rfm-test-"))
    directory.chmod(0o755)
    yield directory
    for files in directory.rglob("postgres"):
        server = EmbeddedServer(files.parent)
        server.stop()
        sockets = server.status().socket_directory
        if not sockets.is_relative_to(directory):
            shutil.rmtree(sockets)
    shutil.rmtree(directory)


@pytest.fixture
def homes() -> Iterator[Path]:
    with _homes() as directory:
        yield directory


@pytest.fixture(scope="module")
def shared(stopped_home: Path) -> Iterator[EmbeddedServer]:
    """A running server for the tests that only look at it."""
    with _homes() as directory:
        server = _copied(stopped_home, directory / "home")
        server.start()
        yield server


@pytest.fixture(scope="module")
def stopped_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose server has been used: a copy of it takes less time than initdb."""
    home = tmp_path_factory.mktemp("stopped") / "home"
    EmbeddedServer(home).start()
    EmbeddedServer(home).stop()
    return home


@pytest.fixture
def new_server(homes: Path) -> EmbeddedServer:
    return EmbeddedServer(homes / "home")


@pytest.fixture
def server(homes: Path, stopped_home: Path) -> EmbeddedServer:
    return _copied(stopped_home, homes / "home")


def _copied(stopped_home: Path, home: Path) -> EmbeddedServer:
    subprocess.run(["cp", "-a", stopped_home, home], check=True)
    return EmbeddedServer(home)


def _pid(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def _end(pid: int, sign: int) -> None:
    process = os.pidfd_open(pid)  # tells of the end at once, whoever has to reap the process
    os.kill(pid, sign)
    ended, _, _ = select.select([process], [], [], 20)
    os.close(process)
    assert ended


def _rows(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def _use_in_new_process(home: Path, before: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{USE_A_HOME}", str(home)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_first_use_of_a_database_starts_the_server_and_creates_it(
    new_server: EmbeddedServer,
) -> None:
    assert new_server.status().version is None
    with new_server.database("data_mart").connect() as connection:
        row = connection.execute(
            "SELECT current_database(), current_setting('server_encoding'),"
            " current_setting('TimeZone'), current_setting('listen_addresses')"
        ).fetchone()
    assert row == ("data_mart", "UTF8", "UTC", "")
    status = new_server.status()
    assert status.running
    assert status.version == "17"


def test_looking_at_the_status_creates_nothing(new_server: EmbeddedServer, homes: Path) -> None:
    assert not new_server.status().running
    assert not new_server.stop()
    assert list(homes.iterdir()) == []


def test_what_the_server_keeps_is_closed_to_other_accounts(shared: EmbeddedServer) -> None:
    status = shared.status()
    for private in (status.data_directory, status.socket_directory):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    log = status.data_directory.parent / "server.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_second_start_shares_the_running_server(shared: EmbeddedServer) -> None:
    home = shared.status().data_directory.parent.parent
    other = EmbeddedServer(home / ".." / "home")
    other.start()
    assert _pid(other) == _pid(shared)


def test_two_commands_that_start_at_once_share_one_server(
    new_server: EmbeddedServer, homes: Path
) -> None:
    commands = [_use_in_new_process(homes / "home") for _ in range(2)]
    outputs = [command.communicate(timeout=60) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], outputs
    assert {output for output, _ in outputs} == {f"{_pid(new_server)}\n"}


def test_the_server_outlives_the_command_and_does_not_keep_its_lock(
    server: EmbeddedServer, homes: Path
) -> None:
    command = _use_in_new_process(homes / "home")
    command.communicate(timeout=60)
    assert server.stop()  # would hang on a lock that the server inherited


def test_stop_ends_the_server_and_says_whether_there_was_one(server: EmbeddedServer) -> None:
    server.start()
    pid = _pid(server)
    assert server.stop()
    assert not processes.is_alive(pid)
    assert not server.status().running
    assert not server.stop()


def test_committed_rows_survive_a_killed_server(server: EmbeddedServer) -> None:
    database = server.database("warehouse")
    with database.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000)")
    with database.connect():  # a backend that the postmaster leaves behind
        _end(_pid(server), signal.SIGKILL)
        assert _rows(database) == 1000


def test_a_stale_pid_file_with_a_living_strangers_id_does_not_block_the_start(
    server: EmbeddedServer,
) -> None:
    database = server.database("warehouse")
    with database.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
    pid = _pid(server)
    _end(pid, signal.SIGKILL)
    file = server.status().data_directory / "postmaster.pid"
    # of the server's own account, or PostgreSQL would not take it for a server
    stranger = subprocess.Popen(
        ["/bin/cat"], stdin=subprocess.PIPE, user=NOBODY if AS_ROOT else None
    )
    try:
        lock = next(server.status().socket_directory.glob(".s.PGSQL.*.lock"))
        for path in (file, lock):
            path.write_text(path.read_text().replace(str(pid), str(stranger.pid), 1))
        assert not server.status().running
        assert not server.stop()
        assert _rows(database) == 1
        assert stranger.poll() is None
    finally:
        stranger.communicate()


def test_a_deleted_homes_server_is_not_running_and_does_not_harm_the_next(
    server: EmbeddedServer, homes: Path
) -> None:
    server.start()
    old = _pid(server)
    shutil.rmtree(homes / "home")
    assert not server.status().running
    assert not server.stop()
    server.start()
    assert _pid(server) != old
    _end(old, signal.SIGINT)  # as it does by itself within a minute
    EmbeddedServer(homes / "home").start()


def test_a_home_that_was_moved_can_still_be_stopped(server: EmbeddedServer, homes: Path) -> None:
    server.start()
    pid = _pid(server)
    (homes / "home").rename(homes / "moved")
    assert not server.status().running
    with pytest.raises(DatabaseError, match="Stop it and try again"):
        EmbeddedServer(homes / "moved").start()
    assert EmbeddedServer(homes / "moved").stop()
    assert not processes.is_alive(pid)


def test_a_home_with_a_path_too_long_for_a_socket_works(homes: Path, stopped_home: Path) -> None:
    server = _copied(stopped_home, homes / ("a long, 'quoted' name " * 5))
    server.start()
    sockets = server.status().socket_directory
    assert not sockets.is_relative_to(homes)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_a_socket_directory_that_others_can_enter_is_refused(homes: Path) -> None:
    server = EmbeddedServer(homes / ("long" * 25))
    sockets = server.status().socket_directory
    sockets.mkdir()
    sockets.chmod(0o777)
    with pytest.raises(DatabaseError, match=f"{sockets}.*not a private directory"):
        server.start()


def test_a_foreign_server_on_our_socket_is_refused_and_left_alone(
    server: EmbeddedServer, homes: Path, stopped_home: Path
) -> None:
    foreign = _copied(stopped_home, homes / "foreign")
    foreign.start()
    server.start()
    ours = server.database("warehouse").conninfo()
    theirs = foreign.database("postgres").conninfo()
    socket = Path(ours["host"], f".s.PGSQL.{ours['port']}")
    socket.unlink()
    socket.symlink_to(Path(theirs["host"], f".s.PGSQL.{theirs['port']}"))
    again = EmbeddedServer(homes / "home")
    with (
        pytest.raises(DatabaseError, match=r"is not what answers on its socket.*foreign"),
        again.database("bi_platform").connect(),
    ):
        pass
    with foreign.database("postgres").connect() as connection:
        names = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert ("bi_platform",) not in names


def test_a_server_that_we_cannot_see_but_that_listens_is_not_joined_by_a_second(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    with monkeypatch.context() as blind:  # as from another container with the same home
        blind.setattr(processes, "is_running", lambda *_: False)
        with pytest.raises(DatabaseError, match="cannot be seen from here"):
            server.start()
    assert server.stop()


def test_an_initdb_that_was_killed_leaves_no_half_data_directory_for_later(
    new_server: EmbeddedServer, homes: Path
) -> None:
    for pipe in (homes / "begun", homes / "finish"):
        os.mkfifo(pipe)
        pipe.chmod(0o666)
    initdb = homes / "initdb"  # leaves the file by which a data directory is recognised, and hangs
    initdb.write_text(
        f"""#!/bin/sh
        echo 17 > "$2/PG_VERSION"
        echo > '{homes}/begun'
        read _ < '{homes}/finish'
        """
    )
    initdb.chmod(0o755)
    command = _use_in_new_process(
        homes / "home",
        "from pathlib import Path; from rfm_platform.postgres import cluster;"
        f"cluster._programs = lambda: Path({str(homes)!r})",
    )
    (homes / "begun").read_text()
    command.kill()
    (homes / "finish").write_text("")
    command.communicate()
    (half,) = (homes / "home/postgres").glob("data*")
    assert half.name.startswith("data.partial")
    new_server.start()
    assert not list((homes / "home/postgres").glob("data.partial*"))


def test_a_failing_initdb_says_why_and_leaves_nothing(
    new_server: EmbeddedServer, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (homes / "initdb").write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    (homes / "initdb").chmod(0o755)
    monkeypatch.setattr(cluster, "_programs", lambda: homes)
    with pytest.raises(DatabaseError, match="initdb failed: no space left"):
        new_server.start()
    assert not list((homes / "home" / "postgres").glob("data*"))


def test_data_of_another_major_version_is_named_and_not_touched(
    new_server: EmbeddedServer, homes: Path
) -> None:
    data = homes / "home" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(DatabaseError, match=r"created by PostgreSQL 9\.6.*are PostgreSQL 17"):
        new_server.start()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_server_that_does_not_come_up_shows_the_end_of_its_log(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    status = server.status()
    (status.data_directory / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseError) as failure:
        server.start()
    assert "pg_control" in str(failure.value)
    assert str(status.data_directory.parent / "server.log") in str(failure.value)


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another account")
def test_roots_server_keeps_no_right_of_roots_where_it_needs_none(
    shared: EmbeddedServer,
) -> None:
    assert _capabilities(_pid(shared)) == 0


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another account")
def test_root_can_use_a_home_that_no_other_account_can_enter(
    homes: Path, stopped_home: Path
) -> None:
    closed = homes / "closed"
    closed.mkdir(mode=0o700)
    server = _copied(stopped_home, closed / "home")
    server.start()
    pid = _pid(server)
    assert psutil.Process(pid).username() == NOBODY
    assert _capabilities(pid) == 1 << processes.CAP_DAC_READ_SEARCH
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another account")
def test_root_can_use_programs_that_no_other_account_can_enter(
    server: EmbeddedServer, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = homes / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(cluster._programs().parent, closed / "install")
    monkeypatch.setattr(cluster, "_programs", lambda: closed / "install" / "bin")
    server.start()


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another account")
def test_another_program_that_runs_as_nobody_is_not_let_into_roots_server(
    shared: EmbeddedServer,
) -> None:
    parameters = shared.database("warehouse").conninfo()
    place = ["-h", parameters["host"], "-p", str(parameters["port"]), "-U", parameters["user"]]
    psql = subprocess.run(
        [cluster._programs() / "psql", *place, "-c", "SELECT pg_read_file('/etc/shadow')"],
        user=NOBODY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert psql.returncode != 0
    assert "Peer authentication failed" in psql.stderr


@pytest.mark.skipif(not AS_ROOT, reason="else every test of this file runs as an ordinary user")
def test_an_ordinary_user_starts_their_own_server_and_root_leaves_it_theirs(homes: Path) -> None:
    home = homes / "home"
    home.mkdir()
    user = pwd.getpwnam(DAEMON)
    account = processes.Account(user.pw_uid, user.pw_gid)
    os.chown(home, account.uid, account.gid)
    use = [sys.executable, "-c", USE_A_HOME, str(home), str(PROJECT)]
    # the launcher, because the interpreter itself may lie where only root can enter
    processes.run(use, account, home)
    server = EmbeddedServer(home)
    assert psutil.Process(_pid(server)).username() == DAEMON
    assert (home / "postgres").stat().st_uid == account.uid
    assert server.stop()
    server.start()
    processes.run(use, account, home)


def _capabilities(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("CapEff")), 16)


@pytest.fixture
def made_home(homes: Path) -> Iterator[Path]:
    """A home that its server makes."""
    home = homes / "made"
    yield home
    EmbeddedServer(home).stop()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another account")
def test_what_root_made_is_closed_to_others_and_passed_by_the_server(made_home: Path) -> None:
    server = EmbeddedServer(made_home)
    server.start()
    assert _capabilities(_pid(server)) == 0, "it is not lent root's right to read everything"
    assert _mode(made_home) == 0o711
    for name in ("", "lake", "spill", "dagster", "postgres"):
        seen = subprocess.run(
            ["ls", made_home / name], user=DAEMON, capture_output=True, text=True, check=False
        )
        assert "Permission denied" in seen.stderr, name


@pytest.mark.skipif(AS_ROOT, reason="root's server has to pass through it")
def test_what_an_ordinary_user_made_is_closed_to_others(made_home: Path) -> None:
    EmbeddedServer(made_home).start()
    assert _mode(made_home) == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="else every test of this file runs as an ordinary user")
def test_a_home_that_a_user_beside_root_made_is_theirs_alone(homes: Path) -> None:
    user = pwd.getpwnam(DAEMON)
    account = processes.Account(user.pw_uid, user.pw_gid)
    theirs = homes / "theirs"
    theirs.mkdir()
    os.chown(theirs, account.uid, account.gid)
    home = theirs / "home"
    make = (
        "import pathlib, sys; sys.path[:0] = sys.argv[2:]; "
        "from rfm_platform.home import make_home; make_home(pathlib.Path(sys.argv[1]))"
    )
    processes.run([sys.executable, "-c", make, str(home), str(PROJECT)], account, theirs)
    assert (_mode(home), home.stat().st_uid) == (0o700, account.uid)
    use = [sys.executable, "-c", USE_A_HOME, str(home), str(PROJECT)]
    processes.run(use, account, home)
    assert EmbeddedServer(home).stop()


def test_a_home_that_was_there_is_left_as_it_is(homes: Path) -> None:
    """Whoever made it says who may enter: a group, say, or the account of a Spark server."""
    home = homes / "existing"
    home.mkdir()
    home.chmod(0o2750)
    make_home(home)
    assert _mode(home) == 0o2750
    assert list(home.iterdir()) == []


def test_a_home_that_cannot_be_made_is_named_and_not_a_file_within() -> None:
    """Nobody makes a directory there, root included."""
    with pytest.raises(DatabaseError, match=r"cannot be used: .*'/proc/home'$"):
        EmbeddedServer(Path("/proc/home")).start()
