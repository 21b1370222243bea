"""Partitions that are written at once: whichever way, the same rows, and none that is lost."""

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from rfm_platform.calendar import days_between
from rfm_platform.engine import DuckDBEngine, Session, parquet
from rfm_platform.engine.parquet import LostRowsError
from rfm_platform.lake import LakeTable

SHAPE = sa.Table(
    "numbers", sa.MetaData(), sa.Column("day", sa.Date), sa.Column("number", sa.BigInteger)
)
FIRST, LAST = dt.date(2024, 2, 27), dt.date(2024, 3, 2)
DAYS = days_between(FIRST, LAST)
# Every third day has none.
ROWS = (
    "SELECT DATE '2024-02-27' + CAST(n % 5 AS INTEGER) AS day, n AS number FROM RANGE(500) AS t(n) "
    "WHERE n % 5 <> 2"
)
EACH, TOGETHER = 0, 10**9


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    return DuckDBEngine(300_000_000, tmp_path / "spill", threads=2)


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    return LakeTable(tmp_path / "numbers", SHAPE, "day")


def read(session: Session, table: LakeTable) -> list[tuple[object, ...]]:
    session.view(table, name="read")
    return session.rows("SELECT day, number FROM read ORDER BY ALL")


def test_one_name_stands_for_days_with_rows_and_without_one_after_the_other(
    engine: DuckDBEngine, table: LakeTable
) -> None:
    with engine.session() as session:
        session.replace(table, "SELECT DATE '2024-02-29' AS day, 1 AS number", [DAYS[2]])
        for _ in range(2):
            session.view(table, FIRST, FIRST, name="read")
            assert session.rows("FROM read") == []
            session.view(table, name="read")
            assert session.rows("SELECT number FROM read") == [(1,)]


@pytest.mark.parametrize("rows_of_a_statement", [EACH, TOGETHER])
def test_each_way_of_writing_gives_the_rows_and_leaves_a_day_without_empty(
    engine: DuckDBEngine,
    table: LakeTable,
    monkeypatch: pytest.MonkeyPatch,
    rows_of_a_statement: int,
) -> None:
    monkeypatch.setattr(parquet, "ROWS_OF_A_STATEMENT", rows_of_a_statement)
    with engine.session() as session:
        session.replace(table, "SELECT DATE '2024-02-29' AS day, 1 AS number", [DAYS[2]])
        session.materialize("some_rows", ROWS)
        session.define("rows_of_days", "FROM some_rows")
        session.replace(table, "FROM rows_of_days", DAYS)
        assert read(session, table) == session.rows(f"FROM ({ROWS}) ORDER BY ALL")
    files = {partition.value: len(partition.files) for partition in table.partitions()}
    assert files == {day: 1 for day in DAYS if day != DAYS[2]}


@pytest.mark.parametrize("rows_of_a_statement", [EACH, TOGETHER])
def test_a_row_of_a_day_that_is_not_replaced_is_an_error_and_nothing_changes(
    engine: DuckDBEngine,
    table: LakeTable,
    monkeypatch: pytest.MonkeyPatch,
    rows_of_a_statement: int,
) -> None:
    monkeypatch.setattr(parquet, "ROWS_OF_A_STATEMENT", rows_of_a_statement)
    with engine.session() as session:
        session.materialize("some_rows", ROWS)
        session.replace(table, "FROM some_rows", DAYS)
        before = read(session, table)
        with pytest.raises(LostRowsError, match=r"numbers: .* 2024-02-27 to 2024-03-01"):
            session.replace(table, "FROM some_rows", DAYS[:-1])
        assert read(session, table) == before
