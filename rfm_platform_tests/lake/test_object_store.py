"""A lake in an object store that speaks S3, over HTTP: the same tables, and no commit lost."""

import datetime as dt
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import obstore
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from obstore.store import ObjectStore, from_url
from pydantic import SecretStr

from rfm_platform.engine import DuckDBEngine
from rfm_platform.lake import GoneError, LakeTable, Partition, StoreError, note, noted, vacuum
from rfm_platform.lake import table as lake_table
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings, SettingsError, read_settings
from rfm_platform.wiring import build_platform
from rfm_platform_tests.assets.chain import day
from rfm_platform_tests.conftest import new_database, url_of
from rfm_platform_tests.customers.conftest import Chain, Tables, line
from rfm_platform_tests.lake.test_lake import SHAPE, Numbers, beside_rows, one
from rfm_platform_tests.oracle import Line
from rfm_platform_tests.s3 import bucket, served

URL = "s3://lake/some/prefix"
KEY = "a key that nobody must see"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A prefix of a bucket, on a server of this test's own."""
    with bucket(monkeypatch, "lake", KEY):
        yield URL


@pytest.fixture
def numbers(url: str, tmp_path: Path) -> Numbers:
    """A table in the bucket, and an engine of this machine."""
    engine = DuckDBEngine(memory_limit=300_000_000, spill=tmp_path / "spill", threads=2)
    return Numbers(LakeTable(tmp_path / "numbers", SHAPE, "day", f"{url}/numbers"), engine)


def store() -> ObjectStore:
    return from_url(f"{URL}/numbers", client_options={"allow_http": True})


def parquet_files() -> set[str]:
    """Keys of the table's data files, whether a version names them or not."""
    paths = (item["path"] for page in obstore.list(store()) for item in page)
    return {path for path in paths if path.endswith(".parquet") and "_delta_log" not in path}


def test_partitions_are_replaced_whole_in_one_version_and_nothing_stays_on_this_machine(
    numbers: Numbers, tmp_path: Path
) -> None:
    assert numbers.table.partitions() == []
    assert numbers.rows() == []
    numbers.replace(f"{one('01-01', 1, 3)} UNION ALL {one('01-02', 2)}", "01-01", "01-03")
    assert numbers.table.version() == 0
    numbers.replace(f"{one('01-02', 5)} UNION ALL {one('01-03', 6)}", "01-02", "01-03")
    assert numbers.table.version() == 1
    rows = [(day("01-01"), 1)] * 3
    assert numbers.rows() == [*rows, (day("01-02"), 5), (day("01-03"), 6)]
    numbers.replace(f"{one('01-02', 2)} LIMIT 0", "01-02")
    assert numbers.rows() == [*rows, (day("01-03"), 6)]
    assert all(file.startswith(f"{URL}/numbers/day=") for file in numbers.table.files())
    assert list(tmp_path.rglob("*.parquet")) == []


def test_an_old_version_is_read_until_its_files_are_vacuumed(numbers: Numbers) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    numbers.replace(one("01-01", 2), "01-01")
    (old,) = numbers.table.partitions(version=0)
    with numbers.engine.session() as session:
        session.view_files("old", old.files, SHAPE)
        assert session.rows("SELECT day, number FROM old") == [(day("01-01"), 1)]
    assert vacuum(numbers.table, 1) == 0, "versions are kept for some days"
    assert vacuum(numbers.table, 0) == 1
    with pytest.raises(GoneError, match="numbers: files of version 0 have been removed"):
        numbers.table.partitions(version=0)
    with numbers.engine.session() as session, pytest.raises(GoneError, match="been removed"):
        session.view_files("old", old.files, SHAPE)
    with pytest.raises(GoneError, match="version 99 is not there"):
        numbers.table.partitions(version=99)
    assert numbers.rows() == [(day("01-01"), 2)]


def test_a_note_stays_with_the_table_through_commits_and_a_vacuum(numbers: Numbers) -> None:
    note(numbers.table, "zone", "of a table never written")
    assert noted(numbers.table, "zone") is None
    numbers.replace(one("01-01", 1), "01-01")
    assert noted(numbers.table, "zone") is None
    note(numbers.table, "zone", "UTC")
    numbers.replace(one("01-01", 2), "01-01")
    vacuum(numbers.table, 0)
    assert noted(numbers.table, "zone") == "UTC"
    note(numbers.table, "zone", "Asia/Jakarta")
    assert noted(numbers.table, "zone") == "Asia/Jakarta"
    assert numbers.rows() == [(day("01-01"), 2)]


VICTIM = """
import os, signal, sys
from pathlib import Path
from rfm_platform.engine import DuckDBEngine
from rfm_platform.lake import LakeTable
from rfm_platform_tests.lake.test_lake import SHAPE, Numbers, beside_rows, one

LakeTable._commit = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
home = Path(sys.argv[2])
table = LakeTable(home / "numbers", SHAPE, "day", sys.argv[1])
Numbers(table, DuckDBEngine(300_000_000, home / "spill", 1)).replace(one("01-01", 2), "01-01")
"""


def test_a_writer_killed_before_its_commit_leaves_the_old_version_and_garbage_to_vacuum(
    numbers: Numbers, tmp_path: Path
) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    command = [sys.executable, "-c", VICTIM, f"{URL}/numbers", str(tmp_path / "victim")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(parquet_files()) == 2, "it had uploaded its file"
    assert numbers.rows() == [(day("01-01"), 1)]
    assert vacuum(numbers.table, 0) == 1
    assert numbers.rows() == [(day("01-01"), 1)]


def test_writers_of_one_empty_day_at_once_leave_the_rows_of_one(numbers: Numbers) -> None:
    """Left to itself delta-rs would let the rows of all of them in."""
    errors = []

    def write(number: int) -> None:
        try:
            numbers.replace(one("01-01", number, count=5), "01-01")
        except StoreError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = numbers.rows()
    assert (len(rows), len(set(rows))) == (5, 1)
    assert (numbers.table.version() or 0) + 1 + len(errors) == 4


def test_writers_of_different_days_at_once_all_land(numbers: Numbers) -> None:
    threads = [
        threading.Thread(target=numbers.replace, args=(one(f"01-0{n}", n), f"01-0{n}"))
        for n in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers.rows() == [(day(f"01-0{n}"), n) for n in range(1, 5)]


def test_a_writer_that_is_always_overtaken_names_the_table_and_changes_nothing(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.replace(one("01-01", 0), "01-01")
    read, others = LakeTable.partitions_of, iter(range(1, 3))
    at_work: list[int] = []

    def overtaken(table: LakeTable, opened: DeltaTable | None) -> list[Partition]:
        """Another writer commits after a table was opened, before it is written."""
        if not at_work:
            at_work.append(next(others))
            numbers.replace(one("01-02", at_work[0]), "01-02")
            at_work.clear()
        return read(table, opened)

    with monkeypatch.context() as racing:
        racing.setattr(lake_table, "COMMIT_ATTEMPTS", 2)
        racing.setattr(LakeTable, "partitions_of", overtaken)
        with pytest.raises(StoreError, match="numbers: 2 times another writer was faster"):
            numbers.replace(one("01-01", 9), "01-01")
    assert numbers.rows() == [(day("01-01"), 0), (day("01-02"), 2)]


@beside_rows
def test_a_note_or_a_vacuum_that_is_overtaken_is_tried_again(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch, write: Callable[[LakeTable], object]
) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    with overtaken(numbers, monkeypatch) as opened:
        write(numbers.table)
    assert opened == [0, 1]
    assert numbers.rows() == [(day("01-01"), 1), (day("01-02"), 7)]
    assert noted(numbers.table, "zone") in (None, "UTC")


@contextmanager
def overtaken(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Another writer commits after the table was opened for the first time, before it is written.

    Yields the versions that were opened.
    """
    opened: list[int] = []
    read = LakeTable.open

    def then_replaced(table: LakeTable, version: int | None = None) -> DeltaTable | None:
        found = read(table, version)
        assert found is not None
        opened.append(found.version())
        if len(opened) == 1:
            with monkeypatch.context() as other:
                other.setattr(LakeTable, "open", read)
                numbers.replace(one("01-02", 7), "01-02")
        return found

    with monkeypatch.context() as racing:
        racing.setattr(LakeTable, "open", then_replaced)
        yield opened


def test_a_commit_that_landed_without_an_answer_is_not_made_twice(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.replace(one("01-01", 1), "01-01")
    write = DeltaTable.create_write_transaction

    def land_without_answer(table: DeltaTable, *args: Any, **others: Any) -> None:
        write(table, *args, **others)
        raise CommitFailedError("Failed to commit transaction: 0")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", land_without_answer)
    numbers.replace(one("01-01", 2), "01-01")
    assert numbers.rows() == [(day("01-01"), 2)]
    assert numbers.table.version() == 1


def test_a_store_that_would_overwrite_a_commit_is_refused_before_the_first_one(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = DomainDispatcherApplication(create_backend_app)

    def older(environ: dict[str, Any], respond: Any) -> Any:
        environ.pop("HTTP_IF_NONE_MATCH", None)
        return backend(environ, respond)

    with served(older) as address:
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="lake")
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(StoreError, match="does not know conditional puts"):
            numbers.replace(one("01-01", 1), "01-01")
        assert numbers.table.version() is None


@pytest.mark.parametrize("action", ["read", "write"])
@pytest.mark.parametrize("wrong", ["bucket", "address", "credentials"])
def test_a_store_that_cannot_be_used_is_a_sentence_without_a_key(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch, wrong: str, action: str
) -> None:
    table, nobody = numbers.table, "http://127.0.0.1:9"
    if wrong == "bucket":
        table = replace(table, url="s3://no-such-bucket/x")
    elif wrong == "address":
        monkeypatch.setenv("AWS_ENDPOINT_URL", nobody)
    else:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", nobody)  # where a machine's identity would be
    with pytest.raises(StoreError, match=r"RFM_LAKE_URL: s3://.* cannot be read or") as raised:
        if action == "read":
            table.partitions()
        else:
            replace(numbers, table=table).replace(one("01-01", 1), "01-01")
    assert KEY not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "value",
    ["/a/directory", "s3://", "https://lake/x", "s3://id:secret@lake/x", "s3://lake/x?key=secret"],
)
def test_an_address_that_is_none_names_its_variable_and_not_its_value(
    tmp_path: Path, value: str
) -> None:
    with pytest.raises(SettingsError, match=r"RFM_LAKE_URL: .* s3://bucket/prefix") as raised:
        read_settings(tmp_path, lake_url=value)
    assert "secret" not in str(raised.value)


def test_a_spark_engine_over_an_object_store_is_refused_by_both_names(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RFM_ENGINE=spark and RFM_LAKE_URL"):
        read_settings(tmp_path, lake_url=URL, engine="spark")


FIRST = dt.date(2024, 1, 29)


def mart_lines(late: bool) -> list[Line]:
    """Orders of six days over the end of a month; later, one has another amount, one is gone."""
    lines = [
        line(f"{FIRST + dt.timedelta(days=n % 6)} 10:00:00", f"u{n % 7}", str(n), 100 + 13 * n)
        for n in range(40)
    ]
    return [*lines[:7], lines[7]._replace(product_gmv_amount=5), *lines[9:]] if late else lines


LAST = FIRST + dt.timedelta(days=5)


def first_morning(chain: Chain) -> None:
    chain.platform.warehouse.prepare()
    chain.fill(mart_lines(late=False))
    chain.refresh(FIRST, LAST - dt.timedelta(days=1))
    chain.snapshot(LAST - dt.timedelta(days=1))


def second_morning(chain: Chain) -> tuple[Tables, int | None]:
    """After late changes: the published tables, and how many customers a snapshot computes."""
    chain.fill(mart_lines(late=True))
    chain.refresh(FIRST, LAST)
    chain.snapshot(LAST)
    touched = chain.platform.transforms.analyse_customers(LAST)
    tables = chain.tables(LAST)
    for rows in tables.values():
        for row in rows:
            row.pop("load_timestamp", None)
        rows.sort(key=str)
    return tables, touched


def test_the_whole_chain_publishes_what_it_publishes_from_a_directory(
    url: str, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    """In a directory, in a store, and in a store that a directory was copied into."""

    def chain(name: str, place: str | None) -> Chain:
        warehouse = url_of(new_database(server, "warehouse"))
        own = {"home": tmp_path / name, "lake_url": place, "warehouse_url": SecretStr(warehouse)}
        changed = settings.model_copy(update=own)
        return Chain(build_platform(changed), changed.lake)

    local, remote = chain("local", None), chain("remote", url)
    first_morning(local)
    first_morning(remote)

    moved = chain("moved", f"{url}/moved")
    moved.platform = replace(moved.platform, warehouse=local.platform.warehouse)
    copied = from_url(f"{url}/moved", client_options={"allow_http": True})
    for file in filter(Path.is_file, local.directory.rglob("*")):
        obstore.put(copied, str(file.relative_to(local.directory)), file)
    assert moved.platform.transforms.outdated_months(LAST) == [], (
        "what it was built from moved along"
    )

    found, touched = second_morning(local)
    assert touched is not None, "customers are carried over from an earlier snapshot"
    assert all(found.values()), "no table is empty"
    assert second_morning(remote) == (found, touched)
    assert second_morning(moved) == (found, touched)
    for name in ("remote", "moved"):
        assert list((tmp_path / name).rglob("*.parquet")) == []
