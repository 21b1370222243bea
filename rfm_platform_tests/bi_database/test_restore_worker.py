"""The process that restores: how it ends, and what it leaves of the target and of its own files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyrage import x25519

from rfm_platform.bi_database import worker
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.emptying import contents
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.job import (
    JOB,
    LOCK,
    STATE,
    RestoreState,
    describe_target,
    taken,
    write_state,
)
from rfm_platform.bi_database.restore import LOG, RestoreOptions, restore, start, watch
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import CloudServer
from rfm_platform_tests.bi_database.conftest import OWNER

# As pg_restore 17 complains; a value with a line end in it goes on in a line of its own.
COMPLAINTS = """\
pg_restore: from TOC entry 3310; 2606 16393 FK CONSTRAINT prefs prefs_email_fkey postgres
pg_restore: error: could not execute query: ERROR:  insert or update on table "prefs" violates
DETAIL:  Key (email)=(alice@example.com
bob@example.com) is not present in table "users".
pg_restore: error: two processes at once HINT:  carol@example.com
CONTEXT:  COPY users, line 1: "dave@example.com"
pg_restore: warning: errors ignored on restore: 2
"""


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("since", [170000, 990000], ids=["knows all settings", "earlier release"])
def test_what_pg_restore_says_of_a_row_is_not_told(
    monkeypatch: pytest.MonkeyPatch, target: Database, tmp_path: Path, since: int, jobs: int
) -> None:
    monkeypatch.setattr(worker, "_NEW_IN", since)
    (tmp_path / "complaints").write_text(COMPLAINTS, encoding="utf-8")
    program = tmp_path / "pg_restore"
    program.write_text(f"#!/bin/sh\ncat {tmp_path / 'complaints'} >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o700)
    task = {"label": "target", "pg_restore": str(program), "jobs": jobs}
    (tmp_path / JOB).write_text(json.dumps(task), encoding="utf-8")
    process = worker._Worker(tmp_path)
    process._target = target
    with pytest.raises(PlatformError, match="code 1: ") as raised:
        process._run_pg_restore(tmp_path / "archive", (1, []))
    assert 'insert or update on table "prefs" violates' in str(raised.value)
    assert "two processes at once" in str(raised.value)
    assert "@example.com" not in str(raised.value)


@pytest.mark.parametrize("error", [MemoryError("a row"), KeyboardInterrupt(), SystemExit(0)])
def test_only_a_restore_that_says_so_has_succeeded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    def break_off(_self: object) -> None:
        raise error

    emptied: list[Database] = []
    monkeypatch.setattr(worker._Worker, "_restore", break_off)
    monkeypatch.setattr(worker, "empty", lambda target, _needed: emptied.append(target))
    (tmp_path / JOB).write_text(json.dumps({"label": "target", "extensions": []}), encoding="utf-8")
    process = worker._Worker(tmp_path)
    process._note(touched=True)
    process.run()
    with pytest.raises(BiDatabaseError, match=type(error).__name__) as raised:
        watch(Database("target", dict), tmp_path)
    assert str(raised.value).endswith("The target is empty.")
    assert "a row" not in str(raised.value), "the text of an unknown error is not told"
    assert len(emptied) == 1


def test_names_that_are_not_utf_8_are_restored(
    server: EmbeddedServer, cloud: CloudServer, tmp_path: Path, _names: Iterator[int]
) -> None:
    name, latin = f"bi_latin_{next(_names)}", "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        connection.execute(f"CREATE DATABASE {name} {latin}".encode())
    source = server.database(name)
    with source.connect() as connection:
        connection.execute('CREATE TABLE "Erlöse" (id int PRIMARY KEY)'.encode())
    target = external("target", cloud.create(name, OWNER, latin))
    make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions())
    restore(target, tmp_path / "dump", tmp_path / "job", RestoreOptions())
    assert contents(target)["tables"] == 1


@pytest.mark.parametrize(
    ("identity", "says"),
    [(None, "set RFM_BI_IDENTITY"), (str(x25519.Identity.generate()), "does not open")],
    ids=["no key", "another key"],
)
def test_a_target_is_not_emptied_for_a_dump_that_cannot_be_read(
    source: Database, target: Database, tmp_path: Path, identity: str | None, says: str
) -> None:
    recipient = str(x25519.Identity.generate().to_public())
    make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions(recipients=(recipient,)))
    with target.connect() as connection:
        connection.execute("CREATE TABLE precious (id int)")
    options = RestoreOptions(replace=True, identity=identity)
    with pytest.raises(BiDatabaseError, match=says) as raised:
        restore(target, tmp_path / "dump", tmp_path / "job", options)
    assert str(raised.value).endswith("The target is as it was.")
    assert contents(target) == {"tables": 1}


def test_a_target_that_answers_no_more_is_told_to_be_as_it_was(
    dumped: Path, tmp_path: Path
) -> None:
    gone = external("target", "postgresql://nobody@127.0.0.1:1/gone")
    with taken(tmp_path) as lock:
        assert lock is not None
        start(gone, dumped, tmp_path, RestoreOptions(replace=True), lock)
    with pytest.raises(BiDatabaseError, match="cannot be reached") as raised:
        watch(gone, tmp_path)
    assert str(raised.value).endswith("The target is as it was.")


def test_a_restore_that_is_killed_before_it_begins_leaves_the_target_as_it_was(
    target: Database, tmp_path: Path
) -> None:
    with target.connect() as connection:
        connection.execute("CREATE TABLE precious (id int)")
    task = {"directory": "a dump", "target": describe_target(target), "label": target.label}
    (tmp_path / JOB).write_text(json.dumps(task), encoding="utf-8")
    write_state(tmp_path, RestoreState(pid=0, phase="decrypting"))
    with pytest.raises(BiDatabaseError, match="as it was"):
        watch(target, tmp_path)
    assert contents(target) == {"tables": 1}


@pytest.mark.parametrize("noted", ["", "{", "[]", '{"pid": 1, "what": 2}'])
def test_a_damaged_note_of_a_restore_is_told_with_its_file(
    target: Database, dumped: Path, tmp_path: Path, noted: str
) -> None:
    (tmp_path / STATE).write_text(noted, encoding="utf-8")
    with pytest.raises(BiDatabaseError, match=str(tmp_path / STATE)) as raised:
        restore(target, dumped, tmp_path, RestoreOptions())
    assert f"remove {tmp_path} and restore with --replace" in str(raised.value)
    assert contents(target) == {}


def test_what_a_restore_notes_is_for_its_user_only(
    target: Database, dumped: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    job.mkdir(mode=0o755)
    (job / LOG).touch(mode=0o644)
    restore(target, dumped, job, RestoreOptions())
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in job.iterdir()}
    assert modes == dict.fromkeys((JOB, STATE, LOG, LOCK), "0o600")
