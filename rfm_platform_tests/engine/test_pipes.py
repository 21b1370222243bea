"""Streams between DuckDB and PostgreSQL: whatever breaks, the caller hears and nobody hangs."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from rfm_platform.engine import DuckDBEngine, EngineError
from rfm_platform.engine.pipes import read_from, write_to
from rfm_platform.warehouse import CopyFormat

Write = Callable[[bytes | memoryview], object]
COLUMNS: list[sa.Column[Any]] = [sa.Column("n", sa.BigInteger), sa.Column("text", sa.Text)]
FORMS: list[CopyFormat] = ["binary", "csv"]
MUCH = 200_000  # rows: more than a pipe and every buffer hold


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    return DuckDBEngine(memory_limit=300_000_000, spill=tmp_path / "spill", threads=2)


class BrokenError(Exception):
    """What breaks on purpose."""


def broken_after(rows: int) -> Callable[[Write], None]:
    def produce(write: Write) -> None:
        for n in range(rows):
            write(f"{n},text {n}\n".encode())
        raise BrokenError("the mart went away")

    return produce


@pytest.mark.parametrize("rows", [0, 1, 3_000, MUCH])
def test_a_producer_that_breaks_off_is_an_error_and_never_a_short_table(
    engine: DuckDBEngine, rows: int
) -> None:
    with (
        engine.session() as session,
        pytest.raises(BrokenError, match="the mart went away"),
    ):
        session.load_csv("t", COLUMNS, broken_after(rows))


def test_a_producer_that_breaks_within_a_row_is_the_error_not_the_half_row(
    engine: DuckDBEngine,
) -> None:
    def produce(write: Write) -> None:
        write(b'1,text\n2,"half a te')
        raise BrokenError("cut")

    with engine.session() as session, pytest.raises(BrokenError, match="cut"):
        session.load_csv("t", COLUMNS, produce)


@pytest.mark.parametrize("bad_row", [0, MUCH // 2, MUCH - 1])
def test_a_row_that_does_not_fit_ends_the_producer_and_is_the_error(
    engine: DuckDBEngine, bad_row: int
) -> None:
    def produce(write: Write) -> None:
        for n in range(MUCH):
            write(b"many,Budi Santoso\n" if n == bad_row else f"{n},text\n".encode())

    with engine.session() as session, pytest.raises(EngineError, match="t: a value of column n"):
        session.load_csv("t", COLUMNS, produce)


def test_a_reader_that_fails_before_it_opens_the_stream_leaves_no_thread_waiting(
    tmp_path: Path,
) -> None:
    def read(_: str) -> None:
        raise BrokenError("no such table")

    with pytest.raises(BrokenError, match="no such table"):
        read_from(tmp_path / "pipe", read, lambda write: write(b"x" * 10_000_000) and None)
    assert not (tmp_path / "pipe").exists()


def test_a_reader_that_stops_early_without_an_error_does_not_hang_the_producer(
    tmp_path: Path,
) -> None:
    def read(pipe: str) -> None:
        with Path(pipe).open("rb") as stream:
            stream.read(10)

    def produce(write: Write) -> None:
        for _ in range(100):
            write(b"x" * 100_000)

    read_from(tmp_path / "pipe", read, produce)
    assert not (tmp_path / "pipe").exists()


def test_a_writer_that_fails_before_it_opens_the_stream_is_the_error(tmp_path: Path) -> None:
    def write(_: str) -> None:
        raise BrokenError("no such column")

    taken: list[bytes] = []
    with pytest.raises(BrokenError, match="no such column"):
        write_to(tmp_path / "pipe", write, taken.append)
    assert taken == []
    assert not (tmp_path / "pipe").exists()


def test_a_writer_that_breaks_off_is_an_error_although_rows_have_passed(tmp_path: Path) -> None:
    def write(pipe: str) -> None:
        with Path(pipe).open("wb") as stream:
            stream.write(b"1,text\n")
        raise BrokenError("the disk is full")

    with pytest.raises(BrokenError, match="the disk is full"):
        write_to(tmp_path / "pipe", write, lambda _: None)


@pytest.mark.parametrize("form", FORMS)
def test_a_query_that_fails_half_way_is_an_error_for_whoever_publishes(
    engine: DuckDBEngine, form: CopyFormat
) -> None:
    query = f"SELECT CASE WHEN range = {MUCH - 1} THEN error('boom') ELSE range END AS n, " + (
        f"'x' AS text FROM RANGE({MUCH})"
    )
    with (
        engine.session() as session,
        pytest.raises((EngineError, duckdb.Error), match="boom") as told,
    ):
        session.dump(query, COLUMNS, lambda _: None, form)
    assert "C Data" not in str(told.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("after", [0, 5])
def test_a_consumer_that_breaks_off_ends_the_query_and_is_the_error(
    engine: DuckDBEngine, after: int, form: CopyFormat
) -> None:
    chunks = 0

    def consume(_: bytes) -> None:
        nonlocal chunks
        chunks += 1
        if chunks > after:
            raise BrokenError("the warehouse went away")

    query = f"SELECT range AS n, REPEAT('x', 100) AS text FROM RANGE({10 * MUCH})"
    with engine.session() as session:
        with pytest.raises(BrokenError, match="the warehouse went away"):
            session.dump(query, COLUMNS, consume, form)
        assert session.rows("SELECT 1") == [(1,)], "the session is usable"


def test_an_empty_stream_is_an_empty_table_and_the_other_way_round(engine: DuckDBEngine) -> None:
    with engine.session() as session:
        session.load_csv("t", COLUMNS, lambda _: None)
        assert session.rows("FROM t") == []
        taken: list[bytes] = []
        session.dump("FROM t", COLUMNS, taken.append, "csv")
        assert b"".join(taken) == b""


def test_every_row_of_a_long_stream_arrives(engine: DuckDBEngine) -> None:
    def produce(write: Write) -> None:
        for n in range(MUCH):
            write(f"{n},text {n}\n".encode())

    taken: list[bytes] = []
    with engine.session() as session:
        session.load_csv("t", COLUMNS, produce)
        assert session.rows("SELECT COUNT(*), SUM(n)::BIGINT, COUNT(DISTINCT text) FROM t") == [
            (MUCH, MUCH * (MUCH - 1) // 2, MUCH)
        ]
        session.dump("FROM t", COLUMNS, taken.append, "csv")
    rows = b"".join(taken).split(b"\n")
    assert len(rows) == MUCH + 1
    assert set(rows) == {f"{n},text {n}".encode() for n in range(MUCH)} | {b""}


def test_a_session_can_be_used_again_after_a_stream_has_failed(engine: DuckDBEngine) -> None:
    with engine.session() as session:
        with pytest.raises(BrokenError):
            session.load_csv("t", COLUMNS, broken_after(3_000))
        session.load_csv("t", COLUMNS, lambda write: write(b"1,one\n") and None)
        assert session.rows("FROM t") == [(1, "one")]


def test_a_writer_that_opens_the_pipe_several_times_is_no_end_and_no_error(tmp_path: Path) -> None:
    """Between two openings the pipe looks ended; right after the second one it is empty."""

    def write(pipe: str) -> None:
        for _ in range(5000):
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        Path(pipe).write_bytes(b"rows")

    received: list[bytes] = []
    write_to(tmp_path / "pipe", write, received.append)
    assert b"".join(received) == b"rows"


def test_a_consumer_that_breaks_off_before_the_writer_opens_does_not_hang(tmp_path: Path) -> None:
    broke = threading.Event()

    def write(pipe: str) -> None:
        with open(pipe, "wb") as stream:  # noqa: PTH123 - as DuckDB does
            stream.write(b"first")
        broke.wait(10)
        with open(pipe, "wb") as stream, suppress(BrokenPipeError):  # noqa: PTH123 - likewise
            stream.write(b"second")

    def break_off(_: bytes) -> None:
        broke.set()
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        write_to(tmp_path / "pipe", write, break_off)
