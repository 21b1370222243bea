"""A sequence that would give a number twice, or counts otherwise, is found; one that stands as it
did at the source raises no alarm, whichever way it counts."""

import pytest

from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.state import SequenceState, read_definitions
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.moved import Moved, move, run, unequal
from rfm_platform_tests.conftest import new_database

SEQUENCES = (
    "CREATE SEQUENCE ord",
    "CREATE TABLE orders (id text DEFAULT 'ORD-' || nextval('ord') PRIMARY KEY)",
    "INSERT INTO orders SELECT FROM generate_series(1, 3)",
    "CREATE SEQUENCE down INCREMENT BY -1",
    "CREATE TABLE debts (id int DEFAULT nextval('down') PRIMARY KEY)",
    "INSERT INTO debts SELECT FROM generate_series(1, 5)",
    "CREATE TABLE late (id serial PRIMARY KEY)",
    "INSERT INTO late VALUES (1), (2), (7)",
    "CREATE TABLE exact (id numeric DEFAULT 1 PRIMARY KEY)",
    "CREATE SEQUENCE exact_ids",
    "ALTER TABLE exact ALTER id SET DEFAULT nextval('exact_ids')",
    "INSERT INTO exact VALUES (DEFAULT), (DEFAULT), (2.5), ('NaN'), ('Infinity')",
    "CREATE SEQUENCE used_up",
    "SELECT setval('used_up', 9223372036854775807)",
    "CREATE SEQUENCE tens INCREMENT BY 10",
    "CREATE SEQUENCE shared",
    "CREATE TABLE first (id int DEFAULT nextval('shared') PRIMARY KEY, note text)",
    "CREATE TABLE second (id int DEFAULT nextval('shared') PRIMARY KEY)",
    "INSERT INTO first SELECT FROM generate_series(1, 2)",
    "INSERT INTO second VALUES (DEFAULT)",
    "ALTER TABLE first ALTER note SET DEFAULT 'N-' || nextval('shared')",
)


@pytest.fixture(scope="module")
def counting(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """A database of sequences, moved."""
    source = new_database(server, "counting")
    run(source, *SEQUENCES)
    return move(source, new_database(server, "counted"), tmp_path_factory.mktemp("counting"))


def sequence(database: Database, name: str) -> SequenceState:
    with UrlEndpoint(database).session() as session:
        found = read_definitions(session).sequences
    return next(each for each in found if each.name == f"public.{name}")


def test_sequences_that_stand_as_at_the_source_raise_no_alarm(counting: Moved) -> None:
    found = counting.verify()
    assert found.passed, found.verdict
    assert found.notes == (
        "As at the source, public.late_id_seq gives 1 next, public.late.id already holds 7: let it "
        "go on from there with setval.",
    )


@pytest.mark.parametrize(
    ("name", "next_value", "farthest"),
    [
        ("ord", 4, None),
        ("down", -6, -5),
        ("late_id_seq", 1, 7),
        ("exact_ids", 3, 2),  # what no sequence gives, NaN and infinity, is left out
        ("used_up", 2**63, None),
        ("tens", 1, None),
        ("shared", 4, 3),
    ],
)
def test_where_a_sequence_stands_is_read_whatever_its_column_holds(
    counting: Moved, name: str, next_value: int, farthest: int | None
) -> None:
    found = sequence(counting.database, name)
    assert (found.next_value, found.farthest) == (next_value, farthest)


@pytest.mark.parametrize(
    ("damage", "repair", "says"),
    [
        (
            "SELECT setval('down', -3)",
            "SELECT setval('down', -5)",
            "public.down gives -4 next, public.debts.id already holds -5",
        ),
        (
            "SELECT setval('tens', 11)",
            "SELECT setval('tens', 1, false)",
            None,
        ),
        (
            "SELECT setval('ord', 2)",
            "SELECT setval('ord', 3)",
            "public.ord gives 3 next, at the source 4",
        ),
        (
            "INSERT INTO exact VALUES (3)",
            "DELETE FROM exact WHERE id = 3",
            "public.exact_ids gives 3 next, public.exact.id already holds 3",
        ),
        (
            "INSERT INTO second VALUES (50)",
            "DELETE FROM second WHERE id = 50",
            "public.shared gives 4 next, public.second.id already holds 50",
        ),
        (
            "ALTER SEQUENCE tens INCREMENT BY 1 MAXVALUE 50 CYCLE",
            "ALTER SEQUENCE tens INCREMENT BY 10 NO MAXVALUE NO CYCLE",
            "AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 50 CYCLE",
        ),
    ],
)
def test_a_sequence_that_went_back_or_counts_otherwise_is_found(
    counting: Moved, damage: str, repair: str, says: str | None
) -> None:
    counting.change(damage)
    bad = unequal(counting.verify())
    counting.change(repair)
    if says is None:
        assert not bad, "a sequence may be ahead"
    else:
        assert says in bad["sequences"].verdict
    assert counting.verify().passed
