"""No change of a value passes the verification, whatever its type: pairs of values that a server's
own hash functions, or a cast to text, take for one."""

from pathlib import Path

import pytest

from rfm_platform.bi_database.content import Scheme, read_content, scheme_for
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.manifest import NAME, read_manifest
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.state import read_definitions
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.moved import move, run
from rfm_platform_tests.conftest import new_database

TYPES = """
    CREATE DOMAIN money_amount AS numeric;
    CREATE DOMAIN price AS money_amount;
    CREATE DOMAIN code AS bpchar;
    CREATE TYPE pair AS (amount numeric, code bpchar);
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE FUNCTION in_short(mood) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'mood' $$;
    CREATE CAST (mood AS text) WITH FUNCTION in_short(mood);
"""
PAIRS = [
    ("numeric", "19.99", "-19.99"),
    ("numeric", "'NaN'", "NULL"),
    ("numeric", "'NaN'", "'Infinity'"),
    ("numeric", "'Infinity'", "'-Infinity'"),
    ("numeric", "'Infinity'", "NULL"),
    ("numeric", "1.5", "1.50"),
    ("bigint", "-1", "4294967295"),
    ("bigint", "0", "-4294967296"),
    ("bigint", "1", "-4294967295"),
    ("timestamptz", "'2000-01-01 00:00:00+00'", "'2000-01-01 01:11:34.967297+00'"),
    ("timestamp", "'2000-01-01 00:00:00'", "'2000-01-01 01:11:34.967297'"),
    ("bpchar", "'a'", "'a  '"),
    ("bpchar", "''", "NULL"),
    ("code", "'a'", "'a  '"),
    ("price", "19.99", "-19.99"),
    ("price", "'NaN'", "NULL"),
    ("numeric[]", "'{1.5}'", "'{-1.5}'"),
    ("bpchar[]", "'{a}'", "'{\"a \"}'"),
    ("pair", "(1.5, 'a')", "(-1.5, 'a')"),
    ("pair", "(1.5, 'a')", "(1.5, 'a ')"),
    ("pair", "(NULL, NULL)", "NULL"),
    ("numrange", "'[1,2]'", "'[-1,2]'"),
    ("mood", "'glad'", "'sad'"),
    ("interval", "'1 mon'", "'30 days'"),
    ("interval", "'1 day'", "'24:00'"),
    ("time", "'00:00'", "'24:00'"),
    ("timetz", "'00:00+00'", "'01:00+01'"),
    ("money", "'1.00'", "'-1.00'"),
    ("float8", "0.0", "'-0'"),
    ("float8", "'NaN'", "NULL"),
    ("real", "'NaN'", "'Infinity'"),
    ("date", "'infinity'", "'-infinity'"),
    ("smallint", "-1", "1"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "NULL"),
    ("bytea", "''", "NULL"),
    ("text", "''", "NULL"),
    ("boolean", "false", "NULL"),
    ("inet", "'10.0.0.1'", "'10.0.0.1/24'"),
    ("jsonb", "'1.5'", "'1.50'"),
    ("json", "'{}'", "'{ }'"),
    ("bit varying", "'0'", "'00'"),
    ("oid", "4294967295", "NULL"),
]


@pytest.fixture(scope="module")
def typed(server: EmbeddedServer) -> Database:
    """A database with types of its own."""
    database = new_database(server, "typed")
    run(database, TYPES)
    return database


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
@pytest.mark.parametrize("scheme", ["binary", "md5"])
def test_two_values_never_have_one_hash(
    typed: Database, pair: tuple[str, str, str], scheme: Scheme
) -> None:
    kind, before, after = pair
    found = []
    for value in (before, after):
        run(typed, "DROP TABLE IF EXISTS held", f"CREATE TABLE held (id int, value {kind})")
        # Twice: hashes that merely cancel out would show here.
        run(typed, f"INSERT INTO held VALUES (1, {value}), (2, {value})")
        with UrlEndpoint(typed).session() as session:
            state = read_definitions(session)
            assert scheme_for(state) == "binary"
            (table,) = state.tables
            found.append(read_content(session, table, scheme))
    assert found[0][1] != found[1][1]
    assert found[0][0] == found[1][0] == 2


def test_rows_that_exchange_values_are_not_taken_for_the_same(typed: Database) -> None:
    contents = []
    for rows in ("(-1, 2), (3, 4)", "(-1, 4), (3, 2)", "(2, -1), (4, 3)"):
        run(typed, "DROP TABLE IF EXISTS held", "CREATE TABLE held (a bigint, b bigint)")
        run(typed, f"INSERT INTO held VALUES {rows}")
        with UrlEndpoint(typed).session() as session:
            (table,) = read_definitions(session).tables
            contents.append(read_content(session, table, "binary")[1])
    assert len(set(contents)) == 3


def test_a_number_whose_sign_was_lost_on_the_way_is_named(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    source = new_database(server, "signs")
    run(
        source,
        "CREATE TABLE n (id int PRIMARY KEY, amount numeric, big bigint, code bpchar)",
        "INSERT INTO n VALUES (1, 19.99, -1, 'a'), (2, 'NaN', 7, 'b'), (3, 5, 7, 'c')",
    )
    moved = move(source, new_database(server, "signs_moved"), tmp_path)
    assert moved.verify().passed
    moved.change(
        "UPDATE n SET amount = -amount, big = 4294967295 WHERE id = 1",
        "UPDATE n SET amount = NULL, code = 'b ' WHERE id = 2",
    )
    (bad,) = moved.verify().bad_tables
    assert (bad.why, bad.rows) == (
        "2 rows changed",
        ("id 1: amount, big changed", "id 2: amount, code changed"),
    )


def test_a_dump_of_an_earlier_release_is_restored_but_not_passed(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    source = new_database(server, "earlier")
    run(source, "CREATE TABLE n (id int PRIMARY KEY)", "INSERT INTO n VALUES (1)")
    moved = move(source, new_database(server, "earlier_moved"), tmp_path)
    path = moved.directory / NAME
    state = moved.manifest.state.model_dump() | {"scheme": "record"}
    del state["layout"]  # as it was written then
    earlier = moved.manifest.model_validate(moved.manifest.model_dump() | {"state": state})
    path.write_text(earlier.model_dump_json(exclude={"state": {"layout"}}), "utf-8")
    again = new_database(server, "earlier_again")
    restore(again, moved.directory, tmp_path / "job", RestoreOptions(jobs=1))
    with pytest.raises(BiDatabaseError, match=r"earlier release.*Make a new dump"):
        verify(UrlEndpoint(again), read_manifest(moved.directory), moved.directory, {})
