"""A server that is reached by a command: over a real sshd, and without one."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rfm_platform.bi_database.content import read_contents
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.finder import find_databases
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.state import read_definitions
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database
from rfm_platform_tests.bi_database.cluster import PROGRAMS
from rfm_platform_tests.conftest import free_port

WRITTEN = "SELECT COUNT(*), SUM(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def inside(database: Database) -> dict[str, str]:
    """What a process beside the server has in its environment."""
    info = database.conninfo()
    return {
        "PGHOST": str(info["host"]),
        "PGPORT": str(info["port"]),
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
    }


def beside(database: Database) -> tuple[str, ...]:
    """A command that runs a program beside the server."""
    return ("env", *(f"{name}={value}" for name, value in inside(database).items()))


def name_of(database: Database) -> str:
    return str(database.conninfo()["dbname"])


def test_both_ways_see_the_same(source: Database) -> None:
    by_url = UrlEndpoint(source)
    by_command = CommandEndpoint(beside(source), "postgres", name_of(source))
    states = []
    for endpoint in (by_url, by_command):
        with endpoint.session() as session:
            state = read_contents(session, read_definitions(session))
            states.append(state.model_copy(update={"read_at": ""}))
    assert states[0] == states[1]
    assert any(table.content not in (None, "0") for table in states[0].tables)


def test_what_the_server_refuses_is_told_without_a_stack(source: Database) -> None:
    endpoint = CommandEndpoint(beside(source), "postgres", name_of(source))
    with (
        pytest.raises(BiDatabaseError, match='relation "nothing" does not exist'),
        endpoint.session() as session,
    ):
        session.rows("SELECT * FROM nothing")
    nowhere = CommandEndpoint(beside(source), "postgres", "no_such_database")
    with (
        pytest.raises(BiDatabaseError, match='database "no_such_database" does not exist'),
        nowhere.session(),
    ):
        pass
    missing = CommandEndpoint(("no-such-program",), "postgres", "postgres")
    with pytest.raises(BiDatabaseError, match="cannot be run"), missing.session():
        pass


@pytest.mark.parametrize(
    ("command", "label"),
    [
        ("ssh bi.example docker exec -i bi", "ssh bi.example docker exec -i bi"),
        ("docker exec -e PGPASSWORD=hunter2 bi", "docker exec -e PGPASSWORD=… bi"),
        ("docker exec --env=PGPASSWORD=hunter2 bi", "docker exec --env=PGPASSWORD=… bi"),
        ("docker exec -ePGPASSWORD=hunter2 bi", "docker exec -ePGPASSWORD=… bi"),
        ("env 'PGPASSWORD=a hunter2'", "env PGPASSWORD=…"),
        ("ssh bi 'docker exec -e PGPASSWORD=\"hunter2 b\" bi'", "docker exec -e PGPASSWORD=… bi"),
        ("docker --host=tcp://bi:1 exec bi", "docker --host=tcp://bi:1 exec bi"),
    ],
)
def test_a_password_within_the_command_is_not_in_its_name(command: str, label: str) -> None:
    """The name lies in the manifest, the journal and the reports."""
    found = CommandEndpoint(tuple(shlex.split(command)), "postgres", "redash").label
    assert label in found
    assert "hunter2" not in found


@pytest.mark.parametrize("name", ["a b", "x;ls", "$(id)", ""])
def test_a_name_that_a_shell_would_read_is_refused(name: str) -> None:
    with pytest.raises(BiDatabaseError, match="reach the server by URL"):
        CommandEndpoint(("ssh", "host"), name, "postgres")


@contextmanager
def sshd(directory: Path, environment: dict[str, str]) -> Iterator[Path]:
    """An sshd on loopback that lets its own user in; yields a directory with a program `ssh`.

    Skips the test, and says why, where there is no sshd.
    """
    if not Path(SSHD).exists():
        pytest.skip("there is no sshd here: reaching a server over ssh was not tried")
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / key)]
        subprocess.run(command, check=True)
    port = free_port()
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": directory / "host",
        "AuthorizedKeysFile": directory / "user.pub",
        "PidFile": directory / "sshd.pid",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "SetEnv": " ".join(f'"{name}={value}"' for name, value in environment.items()),
    }
    config = directory / "sshd_config"
    config.write_text("".join(f"{k} {v}\n" for k, v in settings.items()), encoding="utf-8")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    programs = directory / "programs"
    programs.mkdir()
    options = f"-p {port} -i {directory / 'user'} -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    ssh = programs / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nexec {shutil.which("ssh")} {options} -o UserKnownHostsFile=/dev/null "$@"\n',
        encoding="utf-8",
    )
    ssh.chmod(0o755)
    try:
        deadline = time.monotonic() + 20
        while subprocess.run([ssh, "127.0.0.1", "true"], check=False).returncode:
            assert time.monotonic() < deadline, "sshd does not answer"
            time.sleep(0.1)
        yield programs
    finally:
        process.terminate()
        process.wait()


def container_engine(directory: Path) -> None:
    """A `docker` that has one container, this machine: only the container's border is not there."""
    program = directory / "docker"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        '  ps) echo \'{"Names":"redash_redis_1","Image":"redis:5"}\'\n'
        '      echo \'{"Names":"redash_postgres_1","Image":"postgres:17"}\' ;;\n'
        '  exec) [ "$3" = redash_postgres_1 ] || exit 1; shift 3; exec "$@" ;;\n'
        "esac\n",
        encoding="utf-8",
    )
    program.chmod(0o755)


def test_a_container_behind_ssh_is_found_dumped_and_verified_with_nothing_written_there(
    own_source: Callable[..., Database],
    target: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = own_source()
    (tmp_path / "ssh").mkdir()
    (tmp_path / "docker").mkdir()
    container_engine(tmp_path / "docker")
    environment = inside(source)
    environment["PATH"] = f"{tmp_path / 'docker'}:{environment['PATH']}"
    with sshd(tmp_path / "ssh", environment) as programs:
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        found = find_databases("127.0.0.1")
        (mine,) = [each for each in found if each.database == name_of(source)]
        assert (mine.container, mine.image, mine.user) == (
            "redash_postgres_1",
            "postgres:17",
            "postgres",
        )
        assert mine.command == "ssh 127.0.0.1 docker exec -i redash_postgres_1"
        assert mine.bytes > 1_000_000
        endpoint = CommandEndpoint(tuple(mine.command.split()), mine.user, mine.database)
        with source.connect() as connection:
            written = connection.execute(WRITTEN).fetchone()
            manifest = make_dump(endpoint, tmp_path / "dump", DumpOptions())
            assert connection.execute(WRITTEN).fetchone() == written
    assert manifest.format == "custom"
    restore(target, tmp_path / "dump", tmp_path / "job", RestoreOptions())
    assert verify(UrlEndpoint(target), manifest, tmp_path / "dump", {}).passed
