"""How often Dagster's PostgreSQL is connected to, and what becomes of a connection that dies."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml

from rfm_platform.automation.connections import in_process_executor, keep_connections
from rfm_platform.automation.instance import open_instance
from rfm_platform.postgres import Database, DatabaseError
from rfm_platform.settings import read_settings
from rfm_platform_tests.conftest import url_of


@pytest.fixture
def opened() -> Iterator[list[object]]:
    """Every connection that any SQLAlchemy pool of this process opens."""
    connections: list[object] = []

    def note(connection: object, _record: object) -> None:
        connections.append(connection)

    sa.event.listen(sa.Pool, "connect", note)
    yield connections
    sa.event.remove(sa.Pool, "connect", note)


def as_the_chart_configures(database: Database, directory: Path) -> dg.DagsterInstance:
    """An instance as a run's pod has it: three storages, of no class of ours."""
    directory.mkdir(exist_ok=True)
    config = {
        f"{kind}_storage": {
            "module": f"dagster_postgres.{module}",
            "class": name,
            "config": {"postgres_url": url_of(database)},
        }
        for kind, module, name in (
            ("schedule", "schedule_storage", "PostgresScheduleStorage"),
            ("run", "run_storage", "PostgresRunStorage"),
            ("event_log", "event_log", "PostgresEventLogStorage"),
        )
    }
    (directory / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(directory))


def _steps(count: int) -> dg.JobDefinition:
    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        context.log.info("an event")

    @dg.job(executor_def=in_process_executor)
    def steps() -> None:
        for number in range(count):
            step.alias(f"step_{number}")()

    return steps


def one_step() -> dg.JobDefinition:
    return _steps(1)


def thirty_steps() -> dg.JobDefinition:
    return _steps(30)


def test_a_run_in_a_pod_does_not_connect_for_each_event(
    warehouse: Database, tmp_path: Path, opened: list[object]
) -> None:
    with as_the_chart_configures(warehouse, tmp_path):
        pass  # makes the tables
    connections = []
    for job in (one_step, thirty_steps):
        opened.clear()
        with as_the_chart_configures(warehouse, tmp_path) as instance:
            assert dg.execute_job(dg.reconstructable(job), instance).success
        connections.append(len(opened))
    assert 0 < connections[1] <= connections[0]


def test_a_connection_that_died_is_replaced_before_it_is_used(
    warehouse: Database, tmp_path: Path, opened: list[object]
) -> None:
    with as_the_chart_configures(warehouse, tmp_path) as instance:
        keep_connections(instance)
        assert instance.get_runs_count() == 0
        before = len(opened)
        with warehouse.connect() as connection:
            (ended,) = connection.execute(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = CURRENT_DATABASE() AND pid <> PG_BACKEND_PID()"
            ).fetchone() or (0,)
        assert ended > 0
        assert instance.get_runs_count() == 0
        assert len(opened) == before + 1


def test_the_executor_is_configured_as_dagsters_own() -> None:
    ours, dagsters = in_process_executor, dg.in_process_executor
    assert ours.name == dagsters.name
    assert ours.config_schema == dagsters.config_schema


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://dagster:s3cret@127.0.0.1:1/dagster", r"127\.0\.0\.1:1/dagster"),
        ("dagster:s3cret@nowhere", "the URL of Dagster's database, DAGSTER_PG_URL is none"),
    ],
)
def test_a_command_line_without_dagsters_database_says_so_and_no_password(
    url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", url)
    with pytest.raises(DatabaseError, match=said) as caught, open_instance(read_settings(tmp_path)):
        pass
    assert "s3cret" not in str(caught.value)
