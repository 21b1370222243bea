"""Dagster's SQLite files are what Dagster would make of them, whoever came first."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
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


def _events(run_id: str = "run") -> list[EventLogEntry]:
    """Of all that the index repeats and of what it does not: of two days each."""
    days = ("2024-02-28", "2024-02-29")
    said: list[tuple[str, Any]] = [
        *(
            ("ASSET_MATERIALIZATION", StepMaterializationData(made))
            for made in (dg.AssetMaterialization("orders", partition=day) for day in days)
        ),
        *(
            (
                "ASSET_CHECK_EVALUATION",
                AssetCheckEvaluation(
                    asset_key=dg.AssetKey("orders"), check_name="c", passed=True, partition=day
                ),
            )
            for day in days
        ),
        ("PIPELINE_SUCCESS", None),
        ("STEP_START", None),
    ]
    return [
        EventLogEntry(  # type: ignore[no-untyped-call]  # Dagster's has no types
            error_info=None,
            level=10,
            user_message=kind,
            run_id=run_id,
            timestamp=1_700_000_000.0 + number,
            step_key=None,
            job_name="job",
            dagster_event=DagsterEvent(kind, "job", event_specific_data=data),
        )
        for number, (kind, data) in enumerate(said)
    ]


def _rows(directory: Path, shard: str) -> list[str]:
    """What was inserted, but for the moments at which the file says that it was."""
    with sqlite3.connect(directory / f"{shard}.db") as file:
        file.execute("UPDATE asset_keys SET create_timestamp = NULL")
        file.execute("UPDATE asset_check_executions SET create_timestamp = NULL")
        file.execute("DELETE FROM secondary_indexes")
        return [line for line in file.iterdump() if line.startswith("INSERT")]


def test_events_stored_together_are_what_they_are_one_by_one(tmp_path: Path) -> None:
    together, single = tmp_path / "together", tmp_path / "single"
    kept = KeptOpenEventLogStorage(str(together))
    kept.store_event_batch(_events())
    dagsters = SqliteEventLogStorage(str(single))
    for event in _events():
        dagsters.store_event(event)
    for storage in (kept, dagsters):
        assert len(storage.get_logs_for_run("run")) == len(_events())
        storage.dispose()
    for shard in ("run", "index"):
        assert sum("2024-02-29" in row for row in _rows(single, shard)) >= 2
        assert _rows(together, shard) == _rows(single, shard)


def test_of_events_stored_together_an_error_leaves_none(tmp_path: Path) -> None:
    storage = KeptOpenEventLogStorage(str(tmp_path))
    storage.store_event_batch(_events("earlier"))
    with pytest.raises(OSError, match="full"), storage.together("run"):
        for event in _events():
            storage.store_event(event)
        raise OSError("the disk is full")
    assert storage.get_logs_for_run("run") == []
    assert {
        row.run_id
        for row in storage.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION)
        )
    } == {"earlier"}
    for event in _events():
        storage.store_event(event)
    assert len(storage.get_logs_for_run("run")) == len(_events())
    storage.dispose()
