"""The daily restore drill in Dagster: it runs, it proves, and it is told when it does not."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest

from rfm_platform.automation.jobs import DRILL_JOB
from rfm_platform.bi_database.move import DRILL_MARK as MARK
from rfm_platform.bi_database.target import is_ours, mark_as_ours
from rfm_platform.checks.bi_database import bi_database_checks
from rfm_platform.definitions import build_defs
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings, read_settings
from rfm_platform.wiring import build_platform
from rfm_platform.wiring.bi_database import bi_move
from rfm_platform_tests.automation.sensor import Sensor
from rfm_platform_tests.bi_database.fixture import NEWEST_REDASH, SECRET
from rfm_platform_tests.conftest import new_database, url_of
from rfm_platform_tests.receivers import Receiver, webhook

CHECKS = {"every_row_is_there", "every_object_is_there", "application_is_whole"}


@pytest.fixture
def drill(server: EmbeddedServer) -> Database:
    return new_database(server, "bi_drill")


def settings_of(home: Path, source: Database, drill: Database, **more: str) -> Settings:
    return read_settings(
        home,
        bi_source_url=url_of(source),
        bi_drill_url=url_of(drill),
        bi_secret_key=more.pop("bi_secret_key", SECRET),
        redash_version=NEWEST_REDASH,
        **more,
    )


def run(
    settings: Settings, instance: dg.DagsterInstance, day: dt.date | None = None
) -> dg.ExecuteInProcessResult:
    day = day or dt.datetime.now(ZoneInfo(settings.timezone)).date()
    job = build_defs(settings).resolve_job_def(DRILL_JOB)
    return job.execute_in_process(
        instance=instance, partition_key=day.isoformat(), raise_on_error=False
    )


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def test_a_day_is_dumped_restored_and_compared_and_the_next_replaces_it(
    own_source: Callable[..., Database], drill: Database, tmp_path: Path
) -> None:
    source = own_source()
    settings = settings_of(tmp_path, source, drill)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(settings, instance)
        assert result.success
        assert verdicts(result) == dict.fromkeys(CHECKS, True)
        with source.connect() as connection:
            connection.execute("INSERT INTO events (org_id, action) VALUES (1, 'late')")
        assert run(settings, instance).success
    with drill.connect() as connection:
        late = "SELECT COUNT(*) FROM events WHERE action = 'late'"
        assert connection.execute(late).fetchone() == (1,)


def test_only_today_can_be_dumped(source: Database, drill: Database, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, source, drill)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(settings, instance, dt.date(2024, 5, 1))
    assert not result.success
    assert not (settings.home / "bi_dumps").exists()


def test_the_moved_database_is_not_the_drills_whatever_it_carries(
    source: Database, drill: Database, tmp_path: Path
) -> None:
    """Both URLs lead to it, spelled otherwise; it was the drill's before the move."""
    with drill.connect() as connection:
        connection.execute("CREATE TABLE precious (id int)")
    mark_as_ours(drill, MARK)
    settings = settings_of(
        tmp_path, source, drill, bi_target_url=url_of(drill) + "&application_name=move"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert not run(settings, instance).success
    with drill.connect() as connection:
        connection.execute("SELECT id FROM precious")
    move = bi_move(settings, replace=True)
    move.make_dump()
    move.restore_dump()
    assert not is_ours(drill, MARK)


def test_a_database_that_is_not_the_drills_is_left_alone(
    source: Database, drill: Database, tmp_path: Path
) -> None:
    with drill.connect() as connection:
        connection.execute("CREATE TABLE precious (id int)")
    with dg.DagsterInstance.ephemeral() as instance:
        assert not run(settings_of(tmp_path, source, drill), instance).success
    with drill.connect() as connection:
        connection.execute("SELECT id FROM precious")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


def test_a_restore_that_stops_verifying_is_told(
    source: Database, drill: Database, tmp_path: Path, receiver: Receiver
) -> None:
    settings = settings_of(tmp_path, source, drill, bi_secret_key="lost", alert_urls=receiver.url)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(settings, instance)
        assert verdicts(result) == {**dict.fromkeys(CHECKS, True), "application_is_whole": False}
        Sensor("alert_on_checks", instance, build_platform(settings)).tick()
    (told,) = receiver.received
    assert "bi_database_restore application_is_whole" in told
    assert "does not open 8 of 8 encrypted rows" in told
    assert "lost" not in told


@dataclass(frozen=True)
class Drilled:
    """A database that a day's drill has restored, and what it is of."""

    settings: Settings
    database: Database
    instance: dg.DagsterInstance


@pytest.fixture(scope="module")
def drilled(
    server: EmbeddedServer, source: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Drilled]:
    """One drill that passed, for the tests that look at what it left."""
    database = new_database(server, "bi_drill")
    settings = settings_of(tmp_path_factory.mktemp("drilled"), source, database)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(settings, instance).success
        yield Drilled(settings, database, instance)


def test_the_mark_is_what_says_that_a_database_is_the_drills(drilled: Drilled) -> None:
    with psycopg.connect(url_of(drilled.database)) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database "
            "WHERE datname = current_database()"
        ).fetchone()
    assert found == (MARK,)


def judged(drilled: Drilled) -> dict[str, tuple[bool, dg.AssetCheckSeverity, str | None]]:
    """What the checks say of the restored database as it is now."""
    job = dg.define_asset_job("again", selection=dg.AssetSelection.all_asset_checks())
    checks = bi_database_checks(dg.DailyPartitionsDefinition("2024-01-01", end_offset=1))
    definitions = dg.Definitions(
        asset_checks=[checks], jobs=[job], resources={"platform": build_platform(drilled.settings)}
    )
    today = dt.datetime.now(ZoneInfo(drilled.settings.timezone)).date()
    result = definitions.resolve_job_def("again").execute_in_process(
        instance=drilled.instance, tags={"dagster/partition": today.isoformat()}
    )
    return {
        each.check_name: (each.passed, each.severity, each.description)
        for each in result.get_asset_check_evaluations()
    }


def test_a_changed_value_and_a_changed_object_each_fail_the_check_of_their_name(
    drilled: Drilled,
) -> None:
    error = dg.AssetCheckSeverity.ERROR
    with drilled.database.connect() as connection:
        connection.execute("UPDATE queries SET name = 'Another' WHERE id = 7")
    found = judged(drilled)
    assert found["every_row_is_there"] == (
        False,
        error,
        "public.queries mismatched: 1 rows changed",
    )
    assert [name for name, (passed, _, _) in found.items() if not passed] == ["every_row_is_there"]
    with drilled.database.connect() as connection:
        connection.execute("COMMENT ON TABLE widgets IS 'of somebody else'")
    assert judged(drilled)["every_object_is_there"] == (
        False,
        error,
        "comments: 1 not in the source: table public.widgets",
    )
