"""The process that restores: how it ends, and what it leaves of the target and of its own files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rfm_platform.bi_database import worker
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.job import JOB
from rfm_platform.bi_database.restore import RestoreOptions, restore, watch
from rfm_platform.bi_database.target import contents
from rfm_platform.postgres import Database, external
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.cluster import CloudServer
from rfm_platform_tests.bi_database.conftest import OWNER


@pytest.mark.parametrize("error", [MemoryError("a row"), KeyboardInterrupt(), SystemExit(0)])
def test_only_a_restore_that_says_so_has_succeeded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    def break_off(_self: object) -> None:
        raise error

    emptied: list[Database] = []
    monkeypatch.setattr(worker._Worker, "_restore", break_off)
    monkeypatch.setattr(worker, "empty", emptied.append)
    (tmp_path / JOB).write_text(json.dumps({"label": "target"}), encoding="utf-8")
    worker._Worker(tmp_path).run()
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
