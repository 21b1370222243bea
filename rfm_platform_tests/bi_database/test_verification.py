"""What a broken copy can look like: each kind of damage is found by the check that is named for it,
and what is no damage raises no alarm."""

from pathlib import Path

import pytest

from rfm_platform.bi_database.content import read_content
from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.redash import judge_revision
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database, external
from rfm_platform_tests.bi_database.cluster import older_server
from rfm_platform_tests.bi_database.conftest import Restored
from rfm_platform_tests.bi_database.fixture import fill

ROW_DAMAGE = {
    "one changed cell": (
        "UPDATE queries SET name = 'Another' WHERE id = 7",
        "public.queries",
        "1 rows changed",
        "id 7: name, search_vector changed",
    ),
    "one lost row": (
        "DELETE FROM widgets WHERE id = 11",
        "public.widgets",
        "1 rows missing",
        "id 11: missing",
    ),
    "a row too many": (
        "INSERT INTO groups (org_id, name, type) VALUES (1, 'late', 'builtin')",
        "public.groups",
        "1 rows too many",
        "id 3: too many",
    ),
    "two changes that cancel each other out": (
        "UPDATE extra.numbers SET amount = 30 - amount WHERE id IN (8, 12)",
        "extra.numbers",
        "2 rows changed",
        "id 12: amount changed",
    ),
    "NULL became an empty text": (
        "UPDATE extra.numbers SET note = '' WHERE id = 3",
        "extra.numbers",
        "1 rows changed",
        "id 3: note changed",
    ),
    "the last bit of a fraction": (
        "UPDATE extra.numbers SET share = share + 1e-14 WHERE id = 9",
        "extra.numbers",
        "1 rows changed",
        "id 9: share changed",
    ),
    "query results that were left out of a dump": (
        "ALTER TABLE queries DROP CONSTRAINT queries_latest_query_data_id_fkey; "
        "DELETE FROM query_results",
        "public.query_results",
        "300 rows missing",
        "id 1: missing",
    ),
}


@pytest.mark.parametrize("damage", ROW_DAMAGE)
def test_damaged_rows_are_named_by_their_key(restored: Restored, damage: str) -> None:
    statement, table, verdict, example = ROW_DAMAGE[damage]
    restored.change(statement)
    found = restored.verify()
    assert not found.passed
    (bad,) = found.bad_tables
    assert (bad.table, bad.state, bad.why) == (table, "mismatched", verdict)
    assert example in bad.rows
    assert "Another" not in found.model_dump_json(), "values stay where they are"


def test_rows_of_a_table_without_a_key_differ_without_a_name(restored: Restored) -> None:
    restored.change("UPDATE extra.without_key SET times = 0 WHERE times = 5")
    (bad,) = restored.verify().bad_tables
    assert (bad.table, bad.state) == ("extra.without_key", "no key")
    assert bad.why == "1 rows missing, 1 rows too many"


OBJECT_DAMAGE = {
    "a dropped index": ("DROP INDEX ix_queries_search_vector", "indexes"),
    "a dropped view": ("DROP VIEW extra.totals", "views"),
    "a dropped function": ("DROP FUNCTION tsq_parse(text)", "functions"),
    "a function that does something else": (
        "CREATE OR REPLACE FUNCTION tsq_tokenize(search_query text) RETURNS text[] LANGUAGE sql "
        "STABLE AS $$ SELECT '{}'::text[] $$",
        "functions",
    ),
    "a lost comment": ("COMMENT ON TABLE extra.numbers IS NULL", "comments"),
    "a lost foreign key": (
        "ALTER TABLE alerts DROP CONSTRAINT alerts_query_id_fkey",
        "constraints",
    ),
    "a lost default": ("ALTER TABLE queries ALTER is_draft DROP DEFAULT", "columns"),
    "a column that may be null": ("ALTER TABLE queries ALTER name DROP NOT NULL", "columns"),
    "a wider type": ("ALTER TABLE widgets ALTER width TYPE bigint", "columns"),
    "a trigger that is switched off": (
        "ALTER TABLE queries DISABLE TRIGGER queries_search_vector_trigger",
        "triggers",
    ),
    "foreign keys that are not looked at": ("ALTER TABLE alerts DISABLE TRIGGER ALL", "triggers"),
    "a sequence behind its column": ("SELECT setval('queries_id_seq', 5)", "sequences"),
    "a lost large object": (
        "SELECT lo_unlink(oid) FROM pg_largeobject_metadata LIMIT 1",
        "large objects",
    ),
    "a lost value of an enumeration": (
        "ALTER TYPE extra.mood RENAME VALUE 'sad' TO 'gloomy'",
        "types",
    ),
    "a table of somebody else's": ("ALTER TABLE queries OWNER TO cloudadmin", "owners"),
}


@pytest.mark.parametrize("damage", OBJECT_DAMAGE)
def test_damaged_objects_are_found_by_their_kind(restored: Restored, damage: str) -> None:
    statement, section = OBJECT_DAMAGE[damage]
    restored.change(statement)
    found = restored.verify()
    assert not found.passed
    damaged = {each.section.replace("_", " ") for each in found.sections if not each.is_equal}
    assert section in damaged
    # What is dropped has columns, triggers and an owner as well; whose it is decides who may read.
    taken_along = {"columns", "triggers", "owners", "sequences"}
    if section == "views":
        taken_along |= {"table properties"}
    assert damaged - {section} <= taken_along


def test_a_materialized_view_without_its_rows_is_found(restored: Restored) -> None:
    restored.change("REFRESH MATERIALIZED VIEW extra.heavy WITH NO DATA")
    found = restored.verify()
    (bad,) = found.bad_tables
    assert (bad.table, bad.state) == ("extra.heavy", "mismatched")
    assert "is not populated" in bad.why


def test_a_table_that_cannot_be_read_is_an_error_and_no_pass(restored: Restored) -> None:
    restored.change("REVOKE SELECT ON extra.scratch FROM redash_owner")
    (bad,) = restored.verify().bad_tables
    assert (bad.table, bad.state) == ("extra.scratch", "error")
    assert "permission denied" in bad.why


def test_the_same_number_with_other_zeros_is_no_alarm(restored: Restored) -> None:
    restored.change("UPDATE extra.numbers SET amount = 1.50 WHERE id = 1")
    assert restored.verify().passed


def as_an_old_server_saw_it(restored: Restored) -> Manifest:
    """The manifest of a source that cannot hash records yet: before PostgreSQL 14."""
    manifest = restored.move.manifest()
    with restored.move.source.session() as session:
        tables = tuple(
            table.model_copy(update={"content": read_content(session, table, "md5")[1]})
            if table.holds_rows
            else table
            for table in manifest.state.tables
        )
    state = manifest.state.model_copy(update={"tables": tables, "scheme": "md5"})
    return manifest.model_copy(update={"state": state})


def test_an_old_servers_rows_are_compared_by_their_text(restored: Restored) -> None:
    manifest = as_an_old_server_saw_it(restored)
    endpoint = UrlEndpoint(restored.database)
    restored.change("UPDATE extra.numbers SET amount = 1.50 WHERE id = 1")
    found = verify(endpoint, manifest, restored.move.directory, {})
    assert found.passed
    (told,) = [each for each in found.tables if each.table == "extra.numbers"]
    assert told.state == "validated"
    assert "1 rows write a number with other zeros" in told.why
    restored.change("UPDATE extra.numbers SET share = share + 1e-14 WHERE id = 9")
    found = verify(endpoint, manifest, restored.move.directory, {})
    assert [each.table for each in found.bad_tables] == ["extra.numbers"]


def test_a_text_with_other_zeros_is_another_text(restored: Restored) -> None:
    restored.change("UPDATE extra.numbers SET note = '1.5' WHERE id = 1")
    assert not restored.verify().passed


def test_settings_of_the_target_raise_no_alarm(restored: Restored) -> None:
    name = restored.database.conninfo()["dbname"]
    settings = {
        "TimeZone": "Asia/Jakarta",
        "DateStyle": "German",
        "IntervalStyle": "iso_8601",
        "extra_float_digits": "-3",
        "bytea_output": "escape",
    }
    restored.change(*(f"ALTER DATABASE {name} SET {k} TO '{v}'" for k, v in settings.items()))
    found = restored.verify()
    assert found.passed, found.verdict
    assert {each.state for each in found.tables} == {"validated", "skipped"}
    (skipped,) = [each for each in found.tables if each.state == "skipped"]
    assert (skipped.table, skipped.why[:11]) == ("extra.parts", "partitioned")


def test_rights_of_roles_that_stand_for_nobody_are_told(restored: Restored) -> None:
    (note,) = restored.verify().notes
    assert "2 rights of analyst were not carried over" in note


def test_a_move_to_a_later_release_raises_no_alarm(target: Database, tmp_path: Path) -> None:
    (tmp_path / "older").mkdir()
    with older_server(tmp_path / "older") as (release, url):
        source = external("source", url)
        with source.connect() as connection:
            fill(connection)
        manifest = make_dump(UrlEndpoint(source), tmp_path / "dump", DumpOptions())
    assert manifest.state.major_version == release
    with target.connect() as connection:  # however the target writes names
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET quote_all_identifiers TO on".encode())
    restore(target, tmp_path / "dump", tmp_path / "job", RestoreOptions())
    found = verify(UrlEndpoint(target), manifest, tmp_path / "dump", {})
    assert found.passed, found.verdict
    with target.connect() as connection:
        connection.execute(
            "CREATE OR REPLACE VIEW extra.totals AS "
            "SELECT note, SUM(amount) + 0 AS amount FROM extra.numbers GROUP BY note"
        )
    found = verify(UrlEndpoint(target), manifest, tmp_path / "dump", {})
    assert [each.section for each in found.sections if not each.is_equal] == ["views"]


@pytest.mark.parametrize(
    ("revision", "version", "state", "says"),
    [
        ("db0aca1ebd32", "26.8.0", "passed", "what Redash 26.8.0 needs"),
        ("e5c7a4e2df4d", "8.0.0", "passed", "what Redash 8.0.0 needs"),
        ("e5c7a4e2df4d", "25.8", "unknown", "./manage.py db upgrade"),
        ("db0aca1ebd32", "10.1", "failed", "newer than 10.1 can run on"),
        (None, "25.8", "failed", "has no revision"),
        ("0123456789ab", "25.8", "unknown", "needs db0aca1ebd32"),
        ("db0aca1ebd32", None, "unknown", "set RFM_REDASH_VERSION"),
    ],
)
def test_a_schema_that_a_release_cannot_run_on_is_told_with_the_way_out(
    revision: str | None, version: str | None, state: str, says: str
) -> None:
    found = judge_revision(revision, version)
    assert found.state == state
    assert says in found.text
