"""Which rows differ is told rightly for tables of every kind: with columns that a server computes,
in another encoding, with line ends in their names."""

from pathlib import Path

import pytest

from rfm_platform.bi_database.results import TableResult
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.moved import Moved, move, run
from rfm_platform_tests.conftest import new_database


def moved_with(server: EmbeddedServer, directory: Path, *statements: str) -> Moved:
    """A database that some statements make, moved; as it is, it passes."""
    source = new_database(server, "rows")
    run(source, *statements)
    moved = move(source, new_database(server, "rows_moved"), directory)
    assert moved.verify().passed
    return moved


def only_bad(moved: Moved) -> TableResult:
    (bad,) = moved.verify().bad_tables
    return bad


@pytest.mark.parametrize(
    ("key", "state", "why"),
    [
        ("PRIMARY KEY (id)", "mismatched", "1 rows changed"),
        ("CHECK (id > 0)", "no key", "1 rows missing, 1 rows too many"),
        # A key that is not in the dump names no row of it.
        ("PRIMARY KEY (id, double)", "mismatched", "1 rows missing, 1 rows too many"),
    ],
)
def test_a_column_that_the_server_computes_is_no_part_of_the_comparison(
    server: EmbeddedServer, tmp_path: Path, key: str, state: str, why: str
) -> None:
    moved = moved_with(
        server,
        tmp_path,
        "CREATE TABLE computed (id int, double int GENERATED ALWAYS AS (a * 2) STORED NOT NULL, "
        f"a int, {key})",
        "INSERT INTO computed (id, a) SELECT n, n FROM generate_series(1, 20) AS n",
    )
    moved.change("UPDATE computed SET a = 99 WHERE id = 3")
    bad = only_bad(moved)
    assert (bad.state, bad.why) == (state, why)
    assert bad.rows == (("id 3: a changed",) if why == "1 rows changed" else ())


def test_a_column_that_the_target_computes_otherwise_is_named(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    function = "FUNCTION public.doubled(n numeric) RETURNS numeric LANGUAGE sql IMMUTABLE"
    moved = moved_with(
        server,
        tmp_path,
        f"CREATE {function} RETURN n * 2",
        "CREATE TABLE computed (id int PRIMARY KEY, n numeric, "
        "double numeric GENERATED ALWAYS AS (doubled(n)) STORED)",
        "INSERT INTO computed (id, n) VALUES (1, 1.5), (2, 2)",
    )
    moved.change(f"CREATE OR REPLACE {function} RETURN n * 3", "UPDATE computed SET n = n")
    assert "(double): it has another value at the target" in only_bad(moved).why
    moved.change("UPDATE computed SET n = 1.50 WHERE id = 1")
    bad = only_bad(moved)
    assert bad.state == "mismatched", "one number's other zeros do not make up for it"
    assert "1 rows write a number with other zeros" in bad.why
    assert "(double), which may be otherwise" in bad.why


@pytest.fixture
def latin(server: EmbeddedServer) -> tuple[Database, Database]:
    """Two empty databases that are not in UTF-8."""
    pair = new_database(server, "latin"), new_database(server, "latin_moved")
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        for database in pair:
            name = database.conninfo()["dbname"]
            connection.execute(f"DROP DATABASE {name}".encode())
            connection.execute(
                f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode()
            )
    return pair


def test_rows_of_a_database_in_another_encoding_are_told_apart(
    latin: tuple[Database, Database], tmp_path: Path
) -> None:
    source, target = latin
    run(
        source,
        "CREATE TABLE people (name text PRIMARY KEY, place text)",
        "INSERT INTO people SELECT 'Jürgen ' || n, 'Köln' FROM generate_series(1, 100) AS n",
    )
    moved = move(source, target, tmp_path)
    assert moved.verify().passed
    moved.change("DELETE FROM people WHERE name = 'Jürgen 5'")
    bad = only_bad(moved)
    assert (bad.why, bad.rows) == ("1 rows missing", ("name Jürgen 5: missing",))


@pytest.mark.parametrize(
    "name",
    ['"two\nlines"', '"a ""quote\n"', '"t FROM stdin;\n\\."', '"COPY x FROM stdin;"'],
)
def test_a_line_end_in_a_name_is_no_row(server: EmbeddedServer, tmp_path: Path, name: str) -> None:
    moved = moved_with(
        server,
        tmp_path,
        f'CREATE TABLE {name} (id int PRIMARY KEY, "of\n2 FROM stdin;" text)',
        f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b'), (3, E'\\\\.\n')",
    )
    moved.change(f"DELETE FROM {name} WHERE id = 2")
    bad = only_bad(moved)
    assert (bad.why, bad.rows) == ("1 rows missing", ("id 2: missing",))
