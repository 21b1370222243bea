"""What a database sets for its sessions is in no dump: it is told, in statements that do it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rfm_platform.bi_database.manifest import NAME
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.bi_database.moved import Moved, move, run
from rfm_platform_tests.conftest import new_database

ROLE = "settings_reader"
TOLD = "The source sets for its sessions what no dump holds. To have it so: "


def name_of(database: Database) -> str:
    return str(database.conninfo()["dbname"])


@pytest.fixture
def reader(server: EmbeddedServer) -> Iterator[str]:
    """A role whose sessions have settings of their own."""
    run(server.database("postgres"), f"CREATE ROLE {ROLE}")
    yield ROLE
    with server.database("postgres").connect() as connection:
        connection.execute(f"DROP ROLE {ROLE}".encode())


@pytest.fixture
def moved(server: EmbeddedServer, reader: str, tmp_path: Path) -> Iterator[Moved]:
    """A moved database whose source sets all kinds of things."""
    source = new_database(server, "settings")
    name = name_of(source)
    run(
        source,
        f"ALTER ROLE {reader} SET statement_timeout TO '7s'",
        f"COMMENT ON DATABASE {name} IS 'the team''s'",
        f"ALTER DATABASE {name} SET timezone TO 'Europe/Berlin'",
        f'ALTER DATABASE {name} SET search_path TO "$user", public, "an Odd one"',
        f"ALTER DATABASE {name} SET app.secret TO 'hunter2 and more'",
        f"ALTER ROLE {reader} IN DATABASE {name} SET application_name TO 'it''s \\ me'",
    )
    run(source, "ALTER ROLE ALL SET geqo_seed TO '0.25'")
    found = move(source, new_database(server, "settings_moved"), tmp_path)
    run(source, "ALTER ROLE ALL RESET geqo_seed")  # the target is on the same server
    yield found
    run(source, "ALTER ROLE ALL RESET geqo_seed")


def test_the_told_statements_make_the_target_as_the_source(moved: Moved) -> None:
    found = moved.verify()
    assert found.passed, "it is no fault of the move"
    note, comment = found.notes
    assert note.startswith(TOLD)
    statements = note.removeprefix(TOLD).split(". For …")[0].split("; ")
    assert len(statements) == 5
    assert "ALTER ROLE ALL SET geqo_seed TO '0.25'" in statements
    moved.change(*statements, comment.removesuffix(".").split("To have it so: ")[1])
    (left,) = moved.verify().notes
    assert left.startswith(TOLD), "the value that was not shown is still another one"
    assert left.count(" SET ") == 1
    moved.change(f"ALTER DATABASE {name_of(moved.database)} SET app.secret TO 'hunter2 and more'")
    assert moved.verify().notes == ()


def test_a_setting_that_an_application_made_up_is_written_down_nowhere(moved: Moved) -> None:
    assert "hunter2" not in (moved.directory / NAME).read_text("utf-8")
    assert "SET app.secret TO '…'" in moved.verify().notes[0]


def test_a_role_stands_for_another_in_its_settings_too(moved: Moved) -> None:
    note = moved.verify({ROLE: "its stand-in"}).notes[0]
    assert 'ALTER ROLE "its stand-in" IN DATABASE' in note
    assert "ALTER ROLE \"its stand-in\" SET statement_timeout TO '7s'" in note
    assert ROLE not in note


def test_the_owners_settings_are_the_targets_roles(moved: Moved) -> None:
    state = moved.manifest.state.model_copy(update={"owner": ROLE})
    owned = replace(moved, manifest=moved.manifest.model_copy(update={"state": state}))
    connected_as = moved.database.conninfo()["user"]
    assert f"ALTER ROLE \"{connected_as}\" SET statement_timeout TO '7s'" in owned.verify().notes[0]


def test_what_only_the_target_sets_is_told_by_name(server: EmbeddedServer, tmp_path: Path) -> None:
    moved = move(new_database(server, "unset"), new_database(server, "unset_moved"), tmp_path)
    moved.change(f"ALTER DATABASE {name_of(moved.database)} SET work_mem TO '8MB'")
    found = moved.verify()
    assert found.passed
    assert found.notes == ("Settings that only the target gives its sessions: work_mem.",)
