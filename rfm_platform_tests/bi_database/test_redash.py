"""Redash's secrets, proved on rows that were encrypted as it encrypts them."""

from collections.abc import Callable

import pytest

from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.redash import (
    PUBLIC_DEFAULT,
    SecretProof,
    judge_revision,
    prove_secrets,
    read_application,
)
from rfm_platform.bi_database.state import read_definitions
from rfm_platform.postgres import Database
from rfm_platform_tests.bi_database.fixture import COOKIE, HEAD, SECRET, box


def proof(database: Database, secret: str | None, cookie: str | None = None) -> SecretProof:
    with UrlEndpoint(database).session() as session:
        return prove_secrets(session, secret, cookie)


def test_the_right_secret_opens_every_row(source: Database) -> None:
    found = proof(source, SECRET)
    assert (found.is_proved, found.rows) == (True, 8)


def test_a_wrong_secret_names_the_rows_and_says_where_to_look(source: Database) -> None:
    found = proof(source, "another")
    assert not found.is_proved
    assert "does not open 8 of 8 encrypted rows (data_sources 1, " in found.verdict
    assert "old server's environment" in found.verdict
    assert "another" not in found.verdict


def test_no_secret_is_no_proof(source: Database) -> None:
    assert not proof(source, None).is_proved


def test_the_cookie_secret_is_recognised_where_it_was_the_key(source: Database) -> None:
    found = proof(source, COOKIE, SECRET)
    assert not found.is_proved
    assert "REDASH_COOKIE_SECRET opens all: deploy that value" in found.verdict


def test_the_old_public_default_is_recognised(own_source: Callable[..., Database]) -> None:
    database = own_source()
    token = box(PUBLIC_DEFAULT).encrypt(b"{}")
    with database.connect() as connection:
        for table in ("data_sources", "notification_destinations"):
            connection.execute(f"UPDATE {table} SET encrypted_options = %s".encode(), [token])
    assert "old public default opens all" in proof(database, SECRET).verdict


def test_a_release_that_does_not_encrypt_destinations_yet_is_proved_by_its_data_sources(
    own_source: Callable[..., Database],
) -> None:
    """As Redash 7 to 9 have it."""
    database = own_source("ALTER TABLE notification_destinations DROP COLUMN encrypted_options")
    found = proof(database, SECRET)
    assert (found.is_proved, found.rows) == (True, 5)
    assert len(proof(database, "another").closed) == 5


def test_a_single_row_of_another_key_is_named(own_source: Callable[..., Database]) -> None:
    database = own_source()
    with database.connect() as connection:
        connection.execute(
            "UPDATE data_sources SET encrypted_options = %s WHERE id = 4",
            [box("an older key").encrypt(b"{}")],
        )
    assert proof(database, SECRET).closed == ("data_sources 4",)


def test_what_people_made_is_counted_with_archived_and_drafts(source: Database) -> None:
    with UrlEndpoint(source).session() as session:
        application = read_application(session, read_definitions(session))
    assert application is not None
    assert (application.name, application.revision) == ("Redash", HEAD)
    assert application.objects["queries"] == {"total": 300, "archived": 30, "drafts": 75}
    assert application.objects["dashboards"] == {"total": 60, "archived": 8, "drafts": 12}
    assert application.objects["data_sources"]["total"] == 5
    text = application.model_dump_json()
    assert "example.com" not in text, "nothing personal"
    assert "Person" not in text


def test_a_database_of_another_application_is_told_as_such(mart: Database) -> None:
    with UrlEndpoint(mart).session() as session:
        assert read_application(session, read_definitions(session)) is None


@pytest.mark.parametrize("kind", ["queries", "alerts"])
def test_the_newest_object_is_told_by_its_content(source: Database, kind: str) -> None:
    with UrlEndpoint(source).session() as session:
        application = read_application(session, read_definitions(session))
        (row,) = session.rows(
            f"SELECT md5(o::text) AS content, id FROM {kind} AS o ORDER BY id DESC LIMIT 1".replace(
                f"FROM {kind}", f"FROM public.{kind}"
            )
        )
    assert application is not None
    assert application.examples[kind]["content"] == row["content"]


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("25.8.0", "passed"),
        ("26.08.1-dev", "passed"),
        ("10.1.0.b50633", "failed"),
        ("latest", "unknown"),
        ("preview", "unknown"),
        ("v25.8.0", "unknown"),
        ("25", "unknown"),
    ],
)
def test_a_version_that_is_no_number_is_not_taken_for_the_oldest_release(
    version: str, state: str
) -> None:
    found = judge_revision(HEAD, version)
    assert found.state == state
    assert ("set it to the release's number" in found.text) == (state == "unknown")
