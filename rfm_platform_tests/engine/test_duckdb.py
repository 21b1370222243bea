"""What goes through the engine comes out as it went in, within its memory, and says no names."""

import subprocess
import sys
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from rfm_platform import catalog
from rfm_platform.engine import DuckDBEngine, EngineError, Session
from rfm_platform.engine.sql import duckdb_type
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.warehouse import CopyFormat, Rows
from rfm_platform.warehouse.statements import copy_in

NAME = "Zebulon Quux"
TEXTS: list[sa.Column[Any]] = [
    sa.Column("n", sa.Integer),
    sa.Column("a", sa.Text),
    sa.Column("b", sa.Text),
]
NASTY = [
    None,
    "",
    r"\N",
    r"\\N",
    r"\.",
    "NULL",
    "null",
    '"',
    '""',
    ",",
    "\n",
    "\r",
    "\r\n",
    "a\nb\rc\r\nd",
    "\ufeffa byte order mark",
    " blanks around ",
    "\t",
    "\\",
    "'",
    'say "hi", ok\n"twice"',
    "🌸 Melati 💄",
    "é e\u0301 ß 漢字",
    "\u2028\u2029\x85\x0b\x0c\x1c",
    "#comment",
    "x" * 100_000,
]
FORMS: list[CopyFormat] = ["binary", "csv"]
ARRAYS: list[sa.Column[Any]] = [sa.Column("n", sa.Integer), sa.Column("list", sa.ARRAY(sa.Text))]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDBEngine:
    return DuckDBEngine(300_000_000, tmp_path_factory.mktemp("engine") / "spill", threads=2)


@pytest.fixture(scope="module")
def postgres(server: EmbeddedServer) -> Database:
    return server.database("engine_round_trips")


def round_trip(
    engine: DuckDBEngine,
    postgres: Database,
    form: CopyFormat,
    rows: list[tuple[int, str | None, str | None]],
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """From PostgreSQL by COPY into DuckDB, and back by COPY: what each of them then holds."""
    with postgres.connect() as connection, connection.cursor() as cursor, engine.session() as duck:
        cursor.execute("CREATE TEMP TABLE source (n int, a text, b text) ON COMMIT DROP")
        cursor.execute("CREATE TEMP TABLE back (n int, a text, b text) ON COMMIT DROP")
        cursor.executemany("INSERT INTO source VALUES (%s, %s, %s)", rows)
        exported: list[bytes] = []
        with cursor.copy(r"COPY source TO STDOUT (FORMAT csv, NULL '\N')") as copy:
            exported += [bytes(block) for block in copy]
        duck.load_csv("t", TEXTS, lambda write: [write(block) for block in exported] and None)
        inside = duck.rows("FROM t ORDER BY n")
        copy_back(cursor, duck, TEXTS, form)
        back = cursor.execute("SELECT * FROM back ORDER BY n").fetchall()
    return inside, back


def copy_back(
    cursor: psycopg.Cursor[Any], duck: Session, columns: list[sa.Column[Any]], form: CopyFormat
) -> None:
    rows = Rows(form, lambda write: duck.dump("FROM t", columns, write, form))
    copy_in(cursor, sql.Identifier("back"), columns, rows)


@pytest.mark.parametrize("form", FORMS)
def test_every_nasty_text_survives_the_way_in_and_the_way_out(
    engine: DuckDBEngine, postgres: Database, form: CopyFormat
) -> None:
    pairs = [(a, b) for a in NASTY for b in ("x", None, "", a)]
    rows = [(n, a, b) for n, (a, b) in enumerate(pairs)]
    inside, back = round_trip(engine, postgres, form, rows)
    assert inside == rows
    assert back == rows


_TEXT = st.none() | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    | st.sampled_from('",\\\n\rN'),
    max_size=12,
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.tuples(_TEXT, _TEXT), max_size=20))
def test_any_text_survives_the_way_in_and_the_way_out(
    engine: DuckDBEngine,
    postgres: Database,
    form: CopyFormat,
    texts: list[tuple[str | None, str | None]],
) -> None:
    rows = [(n, a, b) for n, (a, b) in enumerate(texts)]
    assert round_trip(engine, postgres, form, rows) == (rows, rows)


@pytest.mark.parametrize("first", [text for text in NASTY if text], ids=repr)
def test_the_first_value_of_a_stream_is_read_like_any_other(
    engine: DuckDBEngine, first: str
) -> None:
    """No header, no byte order mark, no comment is guessed."""
    columns = TEXTS[1:]
    with engine.session() as session:
        session.create("source", columns, [(first, "b")])
        taken: list[bytes] = []
        session.dump("FROM source", columns, taken.append, "csv")
        session.load_csv("t", columns, lambda write: [write(b) for b in taken] and None)
        assert session.rows("FROM t") == [(first, "b")]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(
    lists=st.lists(
        st.none() | st.lists(_TEXT.filter(lambda text: text is not None), max_size=5), max_size=8
    )
)
def test_any_list_of_texts_becomes_the_same_array_of_postgresql(
    engine: DuckDBEngine, postgres: Database, form: CopyFormat, lists: list[list[str] | None]
) -> None:
    rows = list(enumerate(lists))
    with postgres.connect() as connection, connection.cursor() as cursor, engine.session() as duck:
        cursor.execute("CREATE TEMP TABLE back (n int, list text[]) ON COMMIT DROP")
        duck.create("t", ARRAYS, rows)
        copy_back(cursor, duck, ARRAYS, form)
        assert cursor.execute("SELECT * FROM back ORDER BY n").fetchall() == rows


@pytest.mark.parametrize("form", FORMS)
def test_lists_of_nasty_texts_become_arrays(
    engine: DuckDBEngine, postgres: Database, form: CopyFormat
) -> None:
    rows = [(0, []), (1, [""]), (2, [text for text in NASTY if text is not None]), (3, None)]
    rows += [(n, [text]) for n, text in enumerate(NASTY, start=4) if text is not None]
    with postgres.connect() as connection, connection.cursor() as cursor, engine.session() as duck:
        cursor.execute("CREATE TEMP TABLE back (n int, list text[]) ON COMMIT DROP")
        duck.create("t", ARRAYS, rows)
        copy_back(cursor, duck, ARRAYS, form)
        assert cursor.execute("SELECT * FROM back ORDER BY n").fetchall() == rows


EVERY_TYPE: list[sa.Column[Any]] = [
    sa.Column("small", sa.SmallInteger),
    sa.Column("whole", sa.Integer),
    sa.Column("big", sa.BigInteger),
    sa.Column("fee", sa.Numeric(18, 2)),
    sa.Column("share", sa.Float(53)),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime),
    sa.Column("yes", sa.Boolean),
]
_ROW = st.tuples(
    st.none() | st.integers(-(2**15), 2**15 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(n).scaleb(-2)),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.dates(),
    st.none() | st.datetimes().map(lambda at: at.replace(fold=0)),
    st.none() | st.booleans(),
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(_ROW, max_size=20))
def test_any_value_of_the_catalogues_types_arrives_as_it_is(
    engine: DuckDBEngine, postgres: Database, form: CopyFormat, rows: list[tuple[Any, ...]]
) -> None:
    with postgres.connect() as connection, connection.cursor() as cursor, engine.session() as duck:
        cursor.execute(
            "CREATE TEMP TABLE back (n int, small smallint, whole int, big bigint, "
            "fee numeric(18, 2), share double precision, day date, at timestamp, yes boolean) "
            "ON COMMIT DROP"
        )
        columns = [sa.Column("n", sa.Integer), *EVERY_TYPE]
        due = [(n, *row) for n, row in enumerate(rows)]
        duck.create("t", columns, due)
        copy_back(cursor, duck, columns, form)
        back = cursor.execute("SELECT * FROM back ORDER BY n").fetchall()
    assert repr(back) == repr(due)  # so that 0.0 and -0.0 differ


@pytest.mark.parametrize("form", FORMS)
def test_many_rows_arrive_each_with_its_own_values(
    engine: DuckDBEngine, postgres: Database, form: CopyFormat
) -> None:
    """So many that the engine hands them over in several pieces."""
    columns = [*TEXTS, sa.Column("list", sa.ARRAY(sa.Text))]
    made = [
        (n, None if n % 7 == 0 else "ä" * (n % 5), str(n), None if n % 11 == 0 else ["x"] * (n % 3))
        for n in range(300_000)
    ]
    with postgres.connect() as connection, connection.cursor() as cursor, engine.session() as duck:
        cursor.execute("CREATE TEMP TABLE back (n int, a text, b text, list text[]) ON COMMIT DROP")
        duck.create("t", columns, made)
        copy_back(cursor, duck, columns, form)
        assert cursor.execute("SELECT * FROM back ORDER BY n").fetchall() == made


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (f"many,{NAME},x\n", "a number that is none"),
        (f"99999999999999999999,{NAME},x\n", "a number that is too large"),
        (f"1,{NAME}\n", "a column too few"),
        (f"1,{NAME},x,{NAME}\n", "a column too many"),
        (f'1,"{NAME}"x,y\n', "a quote within"),
        (f'1,"{NAME}', "a quote without end"),
        (f"1,{NAME},{'x' * 3_000_000}\n", "a line that is too long"),
    ],
    ids=lambda value: value if len(value) < 40 and "," not in value else "",
)
def test_rows_that_cannot_be_read_are_never_quoted(
    engine: DuckDBEngine, row: str, what: str
) -> None:
    with engine.session() as session:
        try:
            session.load_csv("lines", TEXTS, lambda write: write(row.encode()) and None)
        except EngineError as error:
            assert "lines" in str(error)
            assert NAME not in "".join(traceback.format_exception(error))
        else:  # a line may be as long as it wants
            assert what == "a line that is too long"
            assert session.rows("SELECT COUNT(*) FROM lines") == [(1,)]


def test_bytes_that_are_no_utf_8_are_an_error_that_quotes_nothing(engine: DuckDBEngine) -> None:
    with engine.session() as session, pytest.raises(EngineError) as raised:
        session.load_csv(
            "lines",
            TEXTS,
            lambda write: write(NAME.encode().join((b"1,\xff\xfe", b",x\n"))) and None,
        )
    assert NAME not in str(raised.value)


LARGE = "SELECT MD5(range::VARCHAR) AS a, MD5((-range)::VARCHAR) AS b FROM RANGE(3000000)"


def test_a_sort_beyond_the_memory_limit_spills_and_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = DuckDBEngine(memory_limit=100_000_000, spill=tmp_path / "spill", threads=2)
    with engine.session() as session:
        session.materialize("large", f"{LARGE} ORDER BY a")
        ((spilled,),) = session.rows("SELECT SUM(size)::BIGINT FROM duckdb_temporary_files()")
        assert spilled > 0
        assert list((tmp_path / "spill").rglob("*.tmp"))
        assert session.rows("SELECT COUNT(*) FROM large") == [(3_000_000,)]
    assert list((tmp_path / "spill").iterdir()) == []


def test_what_was_spilled_goes_when_the_session_fails(tmp_path: Path) -> None:
    engine = DuckDBEngine(memory_limit=100_000_000, spill=tmp_path / "spill", threads=2)
    with pytest.raises(duckdb.Error, match="no_such_table"), engine.session() as session:
        session.materialize("large", LARGE)
        assert list((tmp_path / "spill").rglob("*.tmp"))
        session.rows("FROM no_such_table")
    assert list((tmp_path / "spill").iterdir()) == []


def test_arrays_become_a_table_and_a_table_arrays(engine: DuckDBEngine) -> None:
    """And the table stays what it was when the arrays change."""
    columns = {"n": np.array([3, 1, 2]), "share": np.array([0.5, 0.25, 1e-300])}
    with engine.session() as session:
        session.create_from_arrays("given", columns)
        columns["n"][:] = 0
        found = session.arrays("SELECT n, share FROM given ORDER BY n")
    assert {name: values.tolist() for name, values in found.items()} == {
        "n": [1, 2, 3],
        "share": [0.25, 1e-300, 0.5],
    }


def test_sessions_at_the_same_time_do_not_see_each_other(engine: DuckDBEngine) -> None:
    with engine.session() as one, engine.session() as other:
        one.create("t", TEXTS, [(1, "a", None)])
        with pytest.raises(duckdb.CatalogException):
            other.rows("FROM t")


TYPES = {
    "TEXT": "VARCHAR",
    "BIGINT": "BIGINT",
    "SMALLINT": "SMALLINT",
    "INTEGER": "INTEGER",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "BOOLEAN": "BOOLEAN",
    "FLOAT": "DOUBLE",
    "ARRAY": "VARCHAR[]",
}
TABLES = [
    table
    for metadata in (catalog.SOURCE, catalog.LAKE, catalog.WAREHOUSE)
    for table in metadata.sorted_tables
]


@pytest.mark.parametrize("table", TABLES, ids=[t.fullname for t in TABLES])
def test_every_column_of_the_catalogue_has_a_type_in_the_engine(
    engine: DuckDBEngine, table: sa.Table
) -> None:
    with engine.session() as session:
        session.create("made", table.columns, [])
        made = dict(session.rows("SELECT column_name, column_type FROM (DESCRIBE made)"))
    for column in table.columns:
        kind = column.type
        if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
            expected = f"DECIMAL({kind.precision},{kind.scale})"
        else:
            expected = TYPES[
                kind.__visit_name__.upper()
                .replace("BIG_INTEGER", "BIGINT")
                .replace("SMALL_INTEGER", "SMALLINT")
            ]
        assert (made[column.name], duckdb_type(column)) == (expected, expected), column


INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
import dagster as dg
from dagster._utils.interrupts import setup_interrupt_handlers
from rfm_platform.engine import DuckDBEngine

QUERY = "SELECT SUM(a.range * b.range) AS n FROM RANGE(100000000) AS a, RANGE(1000) AS b"

@dg.op
def compute():
    with DuckDBEngine(300_000_000, Path(sys.argv[1]), threads=1).session() as session:
        threading.Timer(0.5, os.kill, [os.getpid(), getattr(signal, sys.argv[2])]).start()
        session.materialize("t", QUERY)

@dg.job(executor_def=dg.in_process_executor)
def daily():
    compute()

setup_interrupt_handlers()
with dg.DagsterInstance.ephemeral() as instance:
    assert not daily.execute_in_process(instance=instance, raise_on_error=False).success
    (record,) = instance.get_run_records()
    (failed,) = [
        each.dagster_event.event_specific_data.failure_reason.value
        for each in instance.all_logs(record.dagster_run.run_id)
        if each.dagster_event and each.dagster_event.is_run_failure
    ]
    print(failed)
"""


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_run_that_is_told_to_end_within_a_query_is_tried_again(
    tmp_path: Path, signal: str
) -> None:
    """By Dagster's retries of runs, which leave alone what failed by itself."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "spill"), signal],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout.split() == ["UNEXPECTED_TERMINATION"], ended.stderr
    assert list((tmp_path / "spill").iterdir()) == []
