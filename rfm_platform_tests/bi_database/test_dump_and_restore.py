"""What can go wrong on the way from one server to the other, and what is left then."""

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from pyrage import x25519

from rfm_platform.bi_database import tools
from rfm_platform.bi_database.archive import encrypt
from rfm_platform.bi_database.dump import ARCHIVE, DumpOptions, make_dump
from rfm_platform.bi_database.emptying import contents, empty
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.job import is_running, read_state, taken
from rfm_platform.bi_database.manifest import NAME, describe_files, read_manifest
from rfm_platform.bi_database.restore import (
    RestoreOptions,
    preflight,
    restore,
    start,
    watch,
)
from rfm_platform.bi_database.target import _encryption
from rfm_platform.bi_database.tools import Tool, choose, find
from rfm_platform.bi_database.verify import verify
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import PASSWORD, CloudServer, older_server
from rfm_platform_tests.bi_database.conftest import OWNER, counts
from rfm_platform_tests.bi_database.fixture import fill
from rfm_platform_tests.conftest import url_of
from rfm_platform_tests.deploy.kubectl import wait_until
from rfm_platform_tests.faults.test_faults import on_a_small_disk

ONE, TWO = RestoreOptions(jobs=1), RestoreOptions(jobs=2)


def failure(target: Database, dump: Path, job: Path, options: RestoreOptions = TWO) -> str:
    with pytest.raises(BiDatabaseError) as raised:
        restore(target, dump, job, options)
    assert PASSWORD not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("chosen", "compression", "jobs"),
    [("directory", "gzip", 3), ("custom", "zstd", 2), ("custom", "none", 1)],
)
def test_every_format_comes_back_whole(  # noqa: PLR0917 - fixtures
    source: Database,
    target: Database,
    tmp_path: Path,
    chosen: str,
    compression: str,
    jobs: int,
) -> None:
    options = DumpOptions(format=chosen, compression=compression)  # type: ignore[arg-type]
    manifest = make_dump(UrlEndpoint(source), tmp_path / "dump", options)
    restore(target, tmp_path / "dump", tmp_path / "job", RestoreOptions(jobs=jobs))
    assert verify(UrlEndpoint(target), manifest, tmp_path / "dump", {}).passed
    assert counts(target) == counts(source)


def test_an_encrypted_dump_is_of_use_only_to_who_has_the_key(
    source: Database, target: Database, tmp_path: Path
) -> None:
    key, other = x25519.Identity.generate(), x25519.Identity.generate()
    options = DumpOptions(recipients=(str(key.to_public()),))
    manifest = make_dump(UrlEndpoint(source), tmp_path / "dump", options)
    for path in (tmp_path / "dump" / ARCHIVE).iterdir():
        assert path.read_bytes().startswith(b"age-encryption.org/v1")
    job = tmp_path / "job"
    assert "set RFM_BI_IDENTITY" in failure(target, tmp_path / "dump", job)
    said = failure(target, tmp_path / "dump", job, RestoreOptions(identity=str(other)))
    assert "does not open" in said
    assert contents(target) == {}
    restore(target, tmp_path / "dump", job, RestoreOptions(identity=str(key)))
    found = verify(UrlEndpoint(target), manifest, tmp_path / "dump", {}, identity=str(key))
    assert found.passed
    assert {path.name for path in tmp_path.iterdir()} == {"dump", "job"}, "no plain copy stays"


def test_a_source_that_lives_on_raises_no_alarm(
    own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    source = own_source()
    manifest = make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions())
    with source.connect() as connection:
        connection.execute("INSERT INTO events (org_id, action) VALUES (1, 'login')")
        connection.execute("UPDATE users SET details = '{\"active\": true}'")
    restore(target, tmp_path / "dump", tmp_path / "job", TWO)
    assert verify(UrlEndpoint(target), manifest, tmp_path / "dump", {}).passed


def test_the_dump_and_its_hashes_are_of_one_snapshot(
    own_source: Callable[..., Database], target: Database, tmp_path: Path
) -> None:
    """Rows come in all the while; the restored tables hold just what was hashed."""
    source, done = own_source(), threading.Event()

    def write() -> None:
        while not done.is_set():
            with source.connect() as connection:
                connection.execute(
                    "INSERT INTO events (org_id, action) "
                    "SELECT 1, 'view' FROM generate_series(1, 50)"
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        manifest = make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions())
    finally:
        done.set()
        writer.join()
    restore(target, tmp_path / "dump", tmp_path / "job", TWO)
    assert verify(UrlEndpoint(target), manifest, tmp_path / "dump", {}).passed


def test_rights_go_to_who_stands_for_their_holder(
    cloud: CloudServer, target: Database, dumped: Path, tmp_path: Path
) -> None:
    with cloud.administrator() as connection:
        connection.execute("CREATE ROLE reader")
    roles = {"analyst": "reader"}
    restore(target, dumped, tmp_path / "job", RestoreOptions(roles=roles))
    found = verify(UrlEndpoint(target), read_manifest(dumped), dumped, roles)
    assert found.passed
    assert found.notes == ()
    with target.connect() as connection:
        connection.execute("REVOKE SELECT ON queries FROM reader")
    found = verify(UrlEndpoint(target), read_manifest(dumped), dumped, roles)
    (bad,) = [section for section in found.sections if not section.is_equal]
    assert (bad.section, bad.missing) == ("rights", ("SELECT on public.queries to reader",))


def test_a_target_in_which_the_application_made_its_tables_is_refused_until_told(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    with target.connect() as connection:
        connection.execute("CREATE TABLE queries (id serial PRIMARY KEY, name text)")
        connection.execute("INSERT INTO queries (name) VALUES ('mine')")
    said = failure(target, dumped, tmp_path / "job")
    assert "it is as it was" in said
    assert "not empty (1 tables, 1 sequences)" in said
    with target.connect() as connection:
        assert connection.execute("SELECT name FROM queries").fetchall() == [("mine",)]
    restore(target, dumped, tmp_path / "job", RestoreOptions(replace=True))
    assert counts(target)["queries"] == 300


@pytest.mark.parametrize(
    ("owner", "options", "finding", "says"),
    [
        ("someone_else", "", "ownership", "ALTER DATABASE"),
        (OWNER, "ENCODING 'LATIN1' TEMPLATE template0", "encoding", "the source's UTF8"),
    ],
)
def test_a_target_that_is_not_fit_is_refused_before_anything_is_written(  # noqa: PLR0917
    cloud: CloudServer,
    dumped: Path,
    tmp_path: Path,
    owner: str,
    options: str,
    finding: str,
    says: str,
) -> None:
    name = f"unfit_{finding}"
    cloud.create(name, owner, options)
    cloud.create(f"{name}_own", OWNER)  # the role exists
    target = external("target", cloud.url(name, OWNER))
    found = {each.name: each for each in preflight(target, dumped, TWO)}
    assert found[finding].state == "failed"
    assert says in found[finding].text
    assert "Nothing was restored" in failure(target, dumped, tmp_path / "job")


def test_a_target_that_somebody_uses_is_refused(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    with target.connect() as connection:
        connection.execute("SET application_name = 'redash-server'")
        assert "1 other sessions are connected to the target (redash-server)" in failure(
            target, dumped, tmp_path / "job"
        )


def test_a_target_that_does_not_answer_is_told_without_its_password(dumped: Path) -> None:
    nobody = external("target", f"postgresql://{OWNER}:{PASSWORD}@192.0.2.1:1/x?connect_timeout=1")
    (connection,) = [each for each in preflight(nobody, dumped, TWO) if each.name == "connection"]
    assert connection.state == "failed"
    assert PASSWORD not in connection.text


@pytest.mark.parametrize(
    ("host", "cipher", "state"),
    [("db.example", None, "failed"), ("db.example", "AES", "passed"), ("/run/pg", None, "passed")],
)
def test_a_connection_that_leaves_the_machine_has_to_be_encrypted(
    host: str, cipher: str | None, state: str
) -> None:
    found = _encryption({"cipher": cipher, "tls": "TLSv1.3"}, {"host": host})
    assert found.state == state


@pytest.mark.parametrize("who", ["pg_dump", "%"])
def test_a_source_that_goes_away_in_the_middle_leaves_no_dump(
    own_source: Callable[..., Database], server: EmbeddedServer, tmp_path: Path, who: str
) -> None:
    """pg_dump's connections are cut off, or everybody's, as soon as it has come."""
    source = own_source()
    name = source.conninfo()["dbname"]
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = %s AND application_name LIKE %s"
    )
    come = "SELECT FROM pg_stat_activity WHERE datname = %s AND application_name = 'pg_dump'"
    with server.database("postgres").connect() as observer:
        observer.autocommit = True

        done: list[bool] = []

        def cut_off(_: str) -> None:
            deadline = time.monotonic() + 20
            while (
                not done
                and time.monotonic() < deadline
                and not observer.execute(come, [name]).fetchall()
            ):
                time.sleep(0.005)
            done.append(True)
            observer.execute(cut, [name, who])

        with pytest.raises(PlatformError, match="bi_source"):
            make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions(jobs=1), cut_off)
    assert list(tmp_path.iterdir()) == []


def damage_a_file(dump: Path, change: Callable[[bytes], bytes]) -> Path:
    data = [path for path in (dump / ARCHIVE).iterdir() if path.name != "toc.dat"]
    largest = max(data, key=lambda path: path.stat().st_size)
    largest.write_bytes(change(largest.read_bytes()))
    return largest


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[: len(data) // 2], "bytes instead of"),
        (lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "has been changed"),
    ],
    ids=["truncated", "one bit"],
)
def test_a_damaged_dump_is_refused(
    target: Database, dumped: Path, tmp_path: Path, change: Callable[[bytes], bytes], says: str
) -> None:
    shutil.copytree(dumped, tmp_path / "dump")
    damage_a_file(tmp_path / "dump", change)
    assert says in failure(target, tmp_path / "dump", tmp_path / "job")
    assert contents(target) == {}


def truncate_unnoticed(dump: Path) -> None:
    """Truncates a file, and makes its checksum fit: only pg_restore can find that."""
    damage_a_file(dump, lambda data: data[: len(data) // 2])
    forged = read_manifest(dump).model_copy(update={"files": describe_files(dump)})
    (dump / NAME).write_text(forged.model_dump_json(), encoding="utf-8")


@pytest.mark.parametrize("options", [ONE, TWO], ids=["one transaction", "in parallel"])
def test_a_restore_that_breaks_leaves_an_empty_database_and_says_so(
    target: Database, dumped: Path, tmp_path: Path, options: RestoreOptions
) -> None:
    dump = tmp_path / "dump"
    shutil.copytree(dumped, dump)
    truncate_unnoticed(dump)
    said = failure(target, dump, tmp_path / "job", options)
    assert "pg_restore ended with code 1" in said
    assert said.endswith("The target is empty.")
    assert contents(target) == {}


@pytest.mark.parametrize("options", [ONE, TWO], ids=["one after the other", "in parallel"])
def test_programs_of_a_later_release_restore_into_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: RestoreOptions
) -> None:
    """As in the image, which has one release of them; they set what the server does not know."""
    dump, job = tmp_path / "dump", tmp_path / "job"
    monkeypatch.setattr(tools, "find", in_wheels)
    (tmp_path / "older").mkdir()
    with older_server(tmp_path / "older") as (release, url):
        source, target = external("source", url), external("target", f"{url[:-8]}target")
        with source.connect() as connection:
            fill(connection)
        with source.connect() as connection:
            connection.autocommit = True
            connection.execute("CREATE DATABASE target")
        manifest = make_dump(UrlEndpoint(source), dump, DumpOptions())
        restore(target, dump, job, options)
        assert manifest.state.major_version == release < manifest.tool
        found = verify(UrlEndpoint(target), manifest, dump, {})
        assert found.passed, found.verdict

        truncate_unnoticed(dump)
        said = failure(target, dump, job, replace(options, replace=True))
        assert "pg_restore ended with code 1" in said
        assert contents(target) == {}


def in_wheels(name: str) -> tuple[Tool, ...]:
    """The programs that the platform brings along, and none of this machine's."""
    return tuple(tool for tool in find(name) if "site-packages" in tool.path.parts)


def begin(target: Database, dump: Path, job: Path, options: RestoreOptions) -> None:
    with taken(job) as lock:
        assert lock is not None
        start(target, dump, job, options, lock)


@contextmanager
def in_the_middle(
    cloud: CloudServer, target: Database, dump: Path, job: Path
) -> Iterator[psycopg.Connection]:
    """A restore that waits for a table of the same name, made by a transaction that goes on."""
    name = target.conninfo()["dbname"]
    waiting = (
        "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' "
        "AND application_name LIKE 'pg_restore%%'"
    )
    with cloud.administrator(name) as blocker, cloud.administrator() as observer:
        blocker.execute("BEGIN; CREATE TABLE public.query_snippets ()")
        begin(target, dump, job, ONE)
        deadline = time.monotonic() + 30
        while observer.execute(waiting, [name]).fetchone() is None:
            assert time.monotonic() < deadline, (job / "restore.log").read_text("utf-8")
            time.sleep(0.02)
        yield observer
        blocker.execute("ROLLBACK")


@pytest.mark.parametrize("which", ["pg_restore", "connection", "worker", "interrupt"])
def test_a_restore_that_is_killed_in_the_middle_leaves_an_empty_database(
    cloud: CloudServer, target: Database, dumped: Path, tmp_path: Path, which: str
) -> None:
    job = tmp_path / "job"
    with in_the_middle(cloud, target, dumped, job) as observer:
        if which == "worker":
            os.killpg(read_state(job).pid, signal.SIGKILL)
        elif which == "interrupt":
            os.kill(read_state(job).pid, signal.SIGINT)
        elif which == "connection":
            observer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND application_name LIKE 'pg_restore%%'",
                [target.conninfo()["dbname"]],
            )
        else:
            subprocess.run(["pkill", "-KILL", "-f", f"pg_restore .*{dumped}"], check=True)
    with pytest.raises(BiDatabaseError, match=r"empty"):
        watch(target, job)
    assert contents(target) == {}
    restore(target, dumped, job, TWO)
    assert counts(target)["queries"] == 300


def test_a_restore_into_another_database_is_neither_watched_nor_cleaned_up(
    cloud: CloudServer, target: Database, dumped: Path, tmp_path: Path, _names: Iterator[int]
) -> None:
    """The target's URL is changed while a restore runs: the second one is in use."""
    job, name = tmp_path / "job", f"bi_alive_{next(_names)}"
    alive = external("target", cloud.create(name, OWNER))
    with alive.connect() as connection:
        connection.execute("CREATE TABLE precious (id int)")
    with in_the_middle(cloud, target, dumped, job):
        said = failure(alive, dumped, job)
        assert "is running" in said
        for each in (target, alive):
            assert f"/{each.conninfo()['dbname']}" in said
        assert str(dumped) in failure(target, tmp_path / "another dump", job)
        os.killpg(read_state(job).pid, signal.SIGKILL)
    wait_until(lambda: not is_running(job), "the killed process is gone")
    assert "set RFM_BI_TARGET_URL back" in failure(alive, dumped, job)
    with pytest.raises(BiDatabaseError, match="was killed in the middle"):
        watch(alive, job)
    assert contents(alive) == {"tables": 1}
    restore(target, dumped, job, RestoreOptions(replace=True))
    assert counts(target)["queries"] == 300


def test_a_dump_is_not_replaced_while_it_is_restored(
    cloud: CloudServer, source: Database, target: Database, dumped: Path, tmp_path: Path
) -> None:
    """What then was in the target counted as the new dump's."""
    dump, job = tmp_path / "dump", tmp_path / "job"
    shutil.copytree(dumped, dump)
    with in_the_middle(cloud, target, dump, job):
        with pytest.raises(BiDatabaseError, match="is being restored"):
            make_dump(UrlEndpoint(source), dump, DumpOptions())
        # By another command, a copy for example, that does not ask.
        before = read_manifest(dump)
        later = before.model_copy(update={"ended": before.ended + dt.timedelta(hours=1)})
        (dump / NAME).write_text(later.model_dump_json(), encoding="utf-8")
        said = failure(target, dump, job)
        assert "is running" in said
        assert before.ended.isoformat() in said
        assert later.ended.isoformat() in said
    watch(target, job)
    make_dump(UrlEndpoint(source), dump, DumpOptions())


def test_a_restore_outlives_who_watches_it_and_is_taken_up(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    begin(target, dumped, job, TWO)
    running = is_running(job)
    findings = restore(target, dumped, job, TWO)
    assert running
    assert findings == [], "the running restore was taken up, none begun"
    assert counts(target)["queries"] == 300
    assert not (job / "service.conf").exists(), "no password stays behind"
    assert not (job / "passfile").exists()


def test_a_restore_is_taken_up_under_another_spelling_of_its_paths(
    cloud: CloudServer, target: Database, dumped: Path, tmp_path: Path
) -> None:
    """It was taken for a killed one: cleaned up after, and another one started beside it."""
    job, link, ended = tmp_path / "home" / "job", tmp_path / "link", []
    (tmp_path / "home").mkdir()
    link.symlink_to(tmp_path / "home")
    (tmp_path / "dump").symlink_to(dumped)

    def take_up() -> None:
        ended.append(restore(target, tmp_path / "dump", link / "job", TWO))

    second = threading.Thread(target=take_up)
    with in_the_middle(cloud, target, dumped, job):
        first = read_state(job).pid
        assert is_running(link / "job")
        second.start()
        second.join(timeout=2)
        assert second.is_alive(), "it watches"
    second.join(timeout=60)
    assert ended == [[]]
    assert read_state(job).pid == first
    assert counts(target)["queries"] == 300


def test_two_restores_at_the_same_moment_are_one(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    ended: list[object] = []

    def run() -> None:
        try:
            ended.append(restore(target, dumped, tmp_path / "job", TWO))
        except PlatformError as error:
            ended.append(error)

    both = [threading.Thread(target=run) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(timeout=90)
    assert [] in ended, "one of them looked at the target and began, the other one watched"
    assert all(isinstance(found, list) for found in ended), ended
    assert counts(target)["queries"] == 300


def test_nothing_secret_is_in_what_a_restore_leaves(
    cloud: CloudServer, target: Database, dumped: Path, tmp_path: Path
) -> None:
    restore(target, dumped, tmp_path / "job", TWO)
    for path in (tmp_path / "job").iterdir():
        assert PASSWORD.encode() not in path.read_bytes(), path
    assert b"REDASH" not in (dumped / NAME).read_bytes()


def test_a_full_disk_stops_the_dump_and_keeps_the_one_before(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Before the dump begins, where it turns out larger than thought, and while it is encrypted."""
    source = server.database("bi_incompressible")
    with source.connect() as connection:
        connection.execute(
            "CREATE TABLE noise AS SELECT n, decode(string_agg(md5(random()::text), ''), 'hex') "
            "FROM generate_series(1, 60) AS n, generate_series(1, 1000) GROUP BY n"
        )
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from rfm_platform.bi_database.dump import DumpOptions, make_dump\n"
        "from rfm_platform.bi_database.endpoint import UrlEndpoint\n"
        "from rfm_platform.errors import PlatformError\n"
        "from rfm_platform.postgres import external\n"
        "place = Path(sys.argv[2])\n"
        "(place / 'day').mkdir()\n(place / 'day' / 'manifest.json').write_text('before')\n"
        "try:\n"
        "    options = DumpOptions('custom', compression='none', recipients=tuple(sys.argv[3:]))\n"
        "    make_dump(UrlEndpoint(external('s', sys.argv[1])), place / 'day', options)\n"
        "except PlatformError as error:\n"
        "    print(error, sorted(p.name for p in place.rglob('*')))\n"
    )
    recipient = str(x25519.Identity.generate().to_public())
    for size, says, recipients in (
        ("400k", "may need", []),
        ("1100k", "No space left", []),
        ("2900k", "make room", [recipient]),
    ):
        prefix = on_a_small_disk(tmp_path / size, size)
        filler = (
            f'dd if=/dev/zero of={tmp_path / size}/filler bs=1k count=100 status=none; exec "$@"'
        )
        done = subprocess.run(
            [
                *prefix,
                "sh",
                "-c",
                filler,
                "sh",
                sys.executable,
                "-c",
                script,
                url_of(source),
                str(tmp_path / size),
                *recipients,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert says in done.stdout, done.stdout + done.stderr
        assert "['day', 'filler', 'manifest.json']" in done.stdout


def test_a_full_disk_stops_the_decryption_with_what_to_do(tmp_path: Path) -> None:
    key = x25519.Identity.generate()
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / ARCHIVE).write_bytes(bytes(1_000_000))
    encrypt(dump, [str(key.to_public())])
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from rfm_platform.bi_database.archive import decrypt\n"
        "from rfm_platform.bi_database.errors import BiDatabaseError\n"
        "try:\n    decrypt(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])\n"
        "except BiDatabaseError as error:\n    print(error)\n"
    )
    prefix = on_a_small_disk(tmp_path / "small", "400k")
    arguments = [str(dump), str(tmp_path / "small"), str(key)]
    done = subprocess.run(
        [*prefix, sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No space left" in done.stdout, done.stderr
    assert "make room" in done.stdout


def test_a_server_newer_than_the_programs_is_named_with_what_to_install() -> None:
    tools = [Tool(Path("/a/pg_dump"), 15), Tool(Path("/b/pg_dump"), 17)]
    assert choose("pg_dump", 14, tools).version == 15
    assert choose("pg_dump", 16, tools).version == 17
    with pytest.raises(BiDatabaseError, match="install postgresql-client-18") as raised:
        choose("pg_dump", 18, tools)
    assert "the newest here is 17" in str(raised.value)


def test_emptying_leaves_a_database_as_it_was_made(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    restore(target, dumped, tmp_path / "job", TWO)
    assert contents(target)["tables"] > 20
    empty(target)
    assert contents(target) == {}
    restore(target, dumped, tmp_path / "job", TWO)
