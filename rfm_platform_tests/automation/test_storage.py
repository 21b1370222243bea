"""Dagster's SQLite files are what Dagster would make of them, whoever came first."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from rfm_platform.automation.storage import KeptOpenEventLogStorage


def _content(directory: Path, shard: str) -> tuple[list[str], object]:
    with sqlite3.connect(directory / f"{shard}.db") as file:
        return sorted(file.iterdump()), file.execute("PRAGMA journal_mode").fetchone()


def _open(storage: SqliteEventLogStorage, shard: str) -> None:
    with storage._connect(shard):
        pass


def test_the_file_of_a_run_is_what_dagster_makes(tmp_path: Path) -> None:
    ours, dagsters = tmp_path / "ours", tmp_path / "dagsters"
    kept = KeptOpenEventLogStorage(str(ours))
    for shard in ("first", "second"):
        _open(kept, shard)
    kept.dispose()
    _open(SqliteEventLogStorage(str(dagsters)), "first")
    expected = _content(dagsters, "first")
    assert any("event_logs" in line for line in expected[0])
    assert _content(ours, "first") == _content(ours, "second") == expected


@pytest.mark.parametrize("made_by", [KeptOpenEventLogStorage, SqliteEventLogStorage])
def test_a_file_that_is_there_stays_as_it_is(
    tmp_path: Path, made_by: type[SqliteEventLogStorage]
) -> None:
    first = made_by(str(tmp_path))
    _open(first, "run")
    first.dispose()
    with sqlite3.connect(tmp_path / "run.db") as file:
        file.execute("INSERT INTO event_logs (run_id, event) VALUES ('run', 'an event')")
    before = _content(tmp_path, "run")
    second = KeptOpenEventLogStorage(str(tmp_path))
    _open(second, "run")
    second.dispose()
    assert _content(tmp_path, "run") == before
    assert any("an event" in line for line in before[0])


def test_who_comes_while_another_makes_the_file_keeps_its_events(tmp_path: Path) -> None:
    storage = KeptOpenEventLogStorage(str(tmp_path))
    path = tmp_path / "run.db"
    with ThreadPoolExecutor(1) as executor, sqlite3.connect(path, isolation_level=None) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE event_logs (id INTEGER PRIMARY KEY, event TEXT)")
        other.execute("INSERT INTO event_logs (event) VALUES ('of the first')")
        engine = storage._engine("run")
        made = executor.submit(storage._created_at_once, engine)
        with pytest.raises(TimeoutError):
            made.result(0.5)
        other.execute("COMMIT")
        assert not made.result(30)
    storage.dispose()
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT event FROM event_logs").fetchall() == [("of the first",)]
