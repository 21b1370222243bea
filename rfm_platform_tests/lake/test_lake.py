"""The lake's promises: whole partitions or none, one version at a time, nobody's day lost."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from deltalake import DeltaTable, QueryBuilder

from rfm_platform import catalog
from rfm_platform.calendar import days_between
from rfm_platform.engine import DuckDBEngine
from rfm_platform.lake import GoneError, Lake, LakeTable, note, vacuum
from rfm_platform.lake.directory import Directory
from rfm_platform_tests.assets.chain import day

SHAPE = sa.Table(
    "numbers",
    sa.MetaData(),
    sa.Column("day", sa.Date),
    sa.Column("number", sa.BigInteger),
    sa.Column("text", sa.Text),
)


@dataclass(frozen=True)
class Numbers:
    """A table of numbers by day, and how it is written and read."""

    table: LakeTable
    engine: DuckDBEngine

    def replace(self, query: str, first: str, last: str | None = None) -> None:
        with self.engine.session() as session:
            session.replace(self.table, query, days_between(day(first), day(last or first)))

    def rows(self) -> list[tuple[Any, ...]]:
        with self.engine.session() as session:
            session.view(self.table)
            return session.rows(f"SELECT day, number FROM {self.table.name} ORDER BY ALL")

    @property
    def version(self) -> int:
        return DeltaTable(self.table.path).version()


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    engine = DuckDBEngine(memory_limit=300_000_000, spill=tmp_path / "spill", threads=2)
    return Numbers(LakeTable(tmp_path / "lake" / "numbers", SHAPE, "day"), engine)


def one(on: str, number: int, count: int = 1) -> str:
    """A query for some rows of a day."""
    return f"SELECT DATE '{day(on)}' AS day, {number} AS number, 'x' AS text FROM RANGE({count})"


def test_a_table_that_nobody_has_written_has_no_partitions_and_no_files(numbers: Numbers) -> None:
    assert numbers.table.partitions() == []
    assert numbers.rows() == []


def test_replacing_a_day_replaces_it_whole_and_leaves_the_others(numbers: Numbers) -> None:
    numbers.replace(one("01-01", 1, count=3), "01-01")
    numbers.replace(one("01-02", 2), "01-02")
    numbers.replace(one("01-01", 9), "01-01")
    assert numbers.rows() == [(day("01-01"), 9), (day("01-02"), 2)]
    assert [(p.value, p.rows) for p in numbers.table.partitions()] == [
        (day("01-01"), 1),
        (day("01-02"), 1),
    ]


@pytest.mark.parametrize("last", ["01-01", "01-03"], ids=["a day", "a range"])
def test_an_error_while_rows_come_in_leaves_the_old_version(numbers: Numbers, last: str) -> None:
    numbers.replace(one("01-01", 1, count=3), "01-01")
    before, version = numbers.rows(), numbers.version
    broken = (
        "SELECT DATE '2024-01-01' AS day, CASE WHEN range = 900000 THEN error('the disk is gone') "
        "ELSE range END AS number, 'x' AS text FROM RANGE(1000000)"
    )
    with pytest.raises(duckdb.Error, match="the disk is gone"):
        numbers.replace(broken, "01-01", last)
    assert (numbers.rows(), numbers.version) == (before, version)
    numbers.replace(one("01-01", 2), "01-01", last)
    assert numbers.rows() == [(day("01-01"), 2)], "what the dead writer left is never seen"


def test_a_range_is_replaced_in_one_commit_and_its_missing_days_end_empty(
    numbers: Numbers,
) -> None:
    days = ["01-01", "01-02", "01-03", "01-04"]
    numbers.replace(" UNION ALL ".join(one(on, 1) for on in days), "01-01", "01-04")
    version = numbers.version
    numbers.replace(f"{one('01-02', 2)} UNION ALL {one('01-03', 3)}", "01-01", "01-03")
    assert numbers.version == version + 1
    assert numbers.rows() == [(day("01-02"), 2), (day("01-03"), 3), (day("01-04"), 1)]


def test_a_range_without_a_single_row_empties_its_days(numbers: Numbers) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    numbers.replace(f"{one('01-01', 1)} LIMIT 0", "01-01", "01-02")
    assert numbers.table.partitions() == []
    numbers.replace(f"{one('01-02', 1)} LIMIT 0", "01-02")
    assert numbers.table.partitions() == []


def test_columns_are_taken_by_name_and_type_not_by_position(numbers: Numbers) -> None:
    for last in ("01-01", "01-02"):
        query = "SELECT 'x' AS text, 7::TINYINT AS number, '2024-01-01' AS day"
        numbers.replace(query, "01-01", last)
        assert numbers.rows() == [(day("01-01"), 7)]


def test_a_days_token_changes_with_every_replacement_and_with_nothing_else(
    numbers: Numbers,
) -> None:
    numbers.replace(f"{one('01-01', 1)} UNION ALL {one('01-02', 1)}", "01-01", "01-02")
    first, second = (partition.token for partition in numbers.table.partitions())
    assert first != second
    numbers.replace(one("01-02", 2), "01-02")
    unchanged, changed = (partition.token for partition in numbers.table.partitions())
    assert unchanged == first
    assert changed != second
    numbers.replace(one("01-02", 1), "01-02")
    _, again = (partition.token for partition in numbers.table.partitions())
    assert again not in (second, changed), "a name that comes back would pass for the old content"


def test_a_reader_of_an_older_version_keeps_its_files(numbers: Numbers) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    with numbers.engine.session() as session:
        session.view(numbers.table)
        numbers.replace(one("01-01", 2), "01-01")
        assert session.rows("SELECT number FROM numbers") == [(1,)]
    assert numbers.rows() == [(day("01-01"), 2)]


def test_a_version_whose_log_is_gone_is_gone_and_no_empty_table(numbers: Numbers) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    numbers.replace(one("01-01", 2), "01-01")
    DeltaTable(numbers.table.path).create_checkpoint()
    (numbers.table.path / "_delta_log" / f"{0:020}.json").unlink()
    with pytest.raises(GoneError):
        numbers.table.partitions(version=0)
    assert numbers.rows() == [(day("01-01"), 2)]


def test_what_was_replaced_stays_readable_for_as_long_as_versions_are_kept(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delta's own 7 days are shorter, and a file's age is not how long ago it was replaced."""
    now = time.time()
    for days_ago, number in ((40, 1), (10, 2), (9, 3)):
        at = now - days_ago * 86_400
        with monkeypatch.context() as patch:
            patch.setattr(time, "time_ns", lambda at=at: int(at * 1e9))
            numbers.replace(one("01-01", number), "01-01")
        (file,) = numbers.table.files()
        os.utime(file, (at, at))
    for _ in range(2):
        assert vacuum(numbers.table, 30) == 0
        for version, number in enumerate((1, 2, 3)):
            files = [f for p in numbers.table.partitions(version=version) for f in p.files]
            with numbers.engine.session() as session:
                session.view_files("earlier", files, SHAPE)
                assert session.rows("SELECT number FROM earlier") == [(number,)]
    assert vacuum(numbers.table, 5) == 2


def test_a_file_that_no_version_names_is_not_read(numbers: Numbers) -> None:
    """What a killed writer leaves."""
    numbers.replace(one("01-01", 1), "01-01")
    (file,) = numbers.table.files()
    Path(file).with_name("part-of-a-dead-writer.parquet").write_bytes(Path(file).read_bytes())
    assert numbers.rows() == [(day("01-01"), 1)]


def test_writers_of_different_days_at_once_all_land(numbers: Numbers) -> None:
    errors: list[BaseException] = []

    def write(worker: int) -> None:
        try:
            for n in range(3):
                on = f"01-{1 + worker * 3 + n:02}"
                numbers.replace(one(on, worker), on)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert numbers.rows() == [(day(f"01-{n + 1:02}"), n // 3) for n in range(12)]


def test_writers_of_the_same_day_at_once_leave_the_rows_of_one(numbers: Numbers) -> None:
    threads = [
        threading.Thread(target=numbers.replace, args=(one("01-01", n, count=5), "01-01"))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = numbers.rows()
    assert len(rows) == 5
    assert len(set(rows)) == 1


beside_rows = pytest.mark.parametrize(
    "write",
    [lambda table: note(table, "zone", "UTC"), lambda table: vacuum(table, 30)],
    ids=["note", "vacuum"],
)


@beside_rows
def test_a_note_and_a_vacuum_are_of_the_version_that_the_lock_finds(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch, write: Callable[[LakeTable], object]
) -> None:
    """Another writer has the lock first, and replaces the rows."""
    numbers.replace(one("01-01", 1), "01-01")
    lock = Directory.locked

    @contextmanager
    def taken(directory: Directory) -> Iterator[None]:
        monkeypatch.setattr(Directory, "locked", lock)
        numbers.replace(one("01-01", 2), "01-01")
        with lock(directory):
            yield

    monkeypatch.setattr(Directory, "locked", taken)
    write(numbers.table)
    assert numbers.rows() == [(day("01-01"), 2)]
    assert numbers.version == 2


def test_another_reader_of_delta_sees_the_same_rows_and_types(numbers: Numbers) -> None:
    """The lake is an open format: whoever reads it need not be DuckDB."""
    numbers.replace(f"{one('01-01', 1)} UNION ALL {one('01-02', 2)}", "01-01", "01-02")
    table = DeltaTable(numbers.table.path)
    assert [(f.name, f.type.type) for f in table.schema().fields] == [
        ("day", "date"),
        ("number", "long"),
        ("text", "string"),
    ]
    found = (
        QueryBuilder()
        .register("numbers", table)
        .execute("SELECT SUM(number) AS total, COUNT(DISTINCT day) AS days FROM numbers")
    )
    (batch,) = list(found)
    assert [batch.column(n)[0].as_py() for n in range(2)] == [3, 2]


@pytest.mark.parametrize("name", [name for name in vars(Lake(Path("lake"))) if name != "root"])
def test_every_table_of_the_lake_can_be_written_and_read_as_the_catalogue_has_it(
    tmp_path: Path, name: str
) -> None:
    """A type that Delta or Parquet spells otherwise would come back as another one."""
    table: LakeTable = getattr(Lake(tmp_path / "lake"), name)
    engine = DuckDBEngine(memory_limit=300_000_000, spill=tmp_path / "spill")
    with engine.session() as session:
        session.create("empty", table.shape.columns, [])
        wanted = session.rows("SELECT column_name, column_type FROM (DESCRIBE empty)")
        nulls = ", ".join(
            f"DATE '2024-01-01' AS {c.name}"
            if c.name == table.partition_column
            else f"NULL AS {c.name}"
            for c in table.shape.columns
        )
        session.replace(table, f"SELECT {nulls}", [dt.date(2024, 1, 1)])
        session.view(table, name="written")
        found = session.rows("SELECT column_name, column_type FROM (DESCRIBE written)")
    assert sorted(found) == sorted(wanted)


def test_every_lake_table_of_the_catalogue_is_a_table_of_the_lake() -> None:
    shapes = {table.shape.name for table in vars(Lake(Path("lake"))).values()}
    assert {table.name for table in catalog.LAKE.sorted_tables} <= shapes


def test_a_log_is_read_once_until_somebody_commits(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    opened: list[LakeTable] = []
    read = LakeTable.open

    def noted(table: LakeTable, version: int | None = None) -> DeltaTable | None:
        opened.append(table)
        return read(table, version)

    monkeypatch.setattr(LakeTable, "open", noted)
    for _ in range(3):
        assert [partition.value for partition in numbers.table.partitions()] == [day("01-01")]
    assert len(opened) <= 1
    # Another writer's commit, as another process makes it.
    writer = (
        "import sys; from deltalake import DeltaTable; DeltaTable(sys.argv[1]).delete('number = 1')"
    )
    subprocess.run([sys.executable, "-c", writer, str(numbers.table.path)], check=True)
    assert numbers.table.partitions() == []
    # A table that was removed, and made anew up to the same version.
    shutil.rmtree(numbers.table.path)
    assert numbers.table.partitions() == []
    numbers.replace(one("01-02", 1), "01-02")
    numbers.replace(one("01-03", 1), "01-03")
    values = [partition.value for partition in numbers.table.partitions()]
    assert values == [day("01-02"), day("01-03")]
