"""A run that failed is told once, whoever does not answer meanwhile."""

import json
import time
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from rfm_platform.automation.alerts import FAILED_RUNS_A_TICK
from rfm_platform.automation.retries import MOST_FAILURES
from rfm_platform.partitions import DAY
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import execute, plan_refresh
from rfm_platform.settings import read_settings
from rfm_platform.wiring import build_platform
from rfm_platform_tests.assets.chain import day, line, new_chain
from rfm_platform_tests.automation.sensor import Sensor
from rfm_platform_tests.receivers import webhook

UI = "https://dagster.example"
NAME = "alert_on_failed_runs"


@dg.job
def nightly() -> None:
    """A job without steps: its runs fail because somebody says so."""


class OfFailedRuns(Sensor):
    """The sensor of failed runs, and runs that fail."""

    def time_passes(self) -> None:
        """Until it tries again what nobody took."""
        kept = json.loads(self.cursor or "{}")
        failed, at = kept["retry"]
        assert not failed or at <= time.time() + 3600
        self.cursor = json.dumps(kept | {"retry": [failed, 0]})

    def run_fails(self, on: str, why: str = "The pod was evicted.") -> dg.DagsterRun:
        """A run for a day that ends without a step that failed, as one that was killed."""
        run = self.instance.create_run_for_job(nightly, tags={DAY: on})
        self.instance.report_run_failed(run, why)
        return run


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def new(instance: dg.DagsterInstance, home: Path, url: str) -> OfFailedRuns:
    settings = read_settings(home, alert_urls=url, ui_url=f"{UI}/")
    return OfFailedRuns(NAME, instance, build_platform(settings))


def days_told(received: list[str]) -> list[str]:
    return [text.splitlines()[0].split()[-1] for text in received]


def test_a_run_that_failed_is_told_without_what_a_library_said(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with webhook() as receiver:
        chain = new_chain(server, tmp_path, alert_urls=receiver.url, ui_url=f"{UI}/")
        chain.fill([line("1", "03-01")])
        chain.in_mart("ALTER TABLE flatten_order_marketplace RENAME kurs_rate TO rate")
        with chain.instance() as instance:
            sensor = OfFailedRuns(NAME, instance, chain.platform)
            sensor.tick()
            steps = plan_refresh(day("03-02"), all_days=False)
            (outcome,) = execute(chain.definitions, instance, steps)
            assert not outcome.succeeded
            sensor.tick()
            sensor.tick()
    (told,) = receiver.received
    assert told.startswith("rfm_platform run failed: daily 2024-03-02")
    assert "flatten_order_marketplace has no column kurs_rate" in told
    assert f"{UI}/runs/{outcome.run_id}" in told


def test_a_librarys_error_of_a_name_like_ours_is_not_quoted(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.op
    def fails() -> None:
        raise psycopg.DatabaseError("customer Budi Santoso is blocked")

    @dg.job
    def broken() -> None:
        fails()

    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.tick()
        broken.execute_in_process(instance=instance, raise_on_error=False)
        sensor.tick()
    (told,) = receiver.received
    assert told.splitlines()[1] == "fails: DatabaseError"


def test_a_run_that_was_killed_is_told_and_one_that_was_cancelled_is_not(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.tick()
        instance.report_run_canceled(instance.create_run_for_job(nightly, tags={DAY: "2024-03-01"}))
        run = sensor.run_fails("2024-03-02")
        instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
        sensor.tick()
        instance.add_run_tags(run.run_id, {"dagster/auto_retry_run_id": "another"})
        sensor.tick()
        deleted = sensor.run_fails("2024-03-03")
        instance.delete_run(deleted.run_id)
        sensor.tick()
    (told,) = receiver.received
    assert told.splitlines() == [
        "rfm_platform run failed: nightly 2024-03-02",
        "The pod was evicted.",
        f"{UI}/runs/{run.run_id}",
    ]


def test_a_failed_run_that_nobody_took_is_told_once_somebody_answers(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.tick()
        sensor.run_fails("2024-03-01")
        receiver.answers.append(503)
        assert "took the alert" in sensor.tick()
        receiver.received.clear()
        sensor.tick()
        sensor.tick()
    assert days_told(receiver.received) == ["2024-03-01"]


def test_a_message_that_is_never_taken_is_given_up_and_the_next_one_has_its_turn(
    instance: dg.DagsterInstance, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As of a chat of two rooms, of which one is closed: the other has it each time."""
    days = ["2024-03-01", "2024-03-02"]
    with webhook(status=503) as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.tick()
        for on in days:
            sensor.run_fails(on)
        sensor.tick()
        sensor.tick()
        assert "tried again from" in sensor.tick()
        assert days_told(receiver.received) == days[:1] * 2, "not a third time within a minute"
        for _ in range(MOST_FAILURES):
            sensor.time_passes()
            sensor.tick()
    assert days_told(receiver.received) == days[:1] * MOST_FAILURES + days[1:] * 3
    assert "Given up:\nrfm_platform run failed: nightly 2024-03-01" in caplog.text


def test_a_receiver_that_goes_away_between_two_messages_gets_only_the_second_again(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.tick()
        for on in ("2024-03-01", "2024-03-02"):
            sensor.run_fails(on)
        receiver.answers += [200, 503]
        sensor.tick()
        receiver.received.clear()
        sensor.tick()
    assert days_told(receiver.received) == ["2024-03-02"]


def test_many_failed_runs_are_told_over_several_ticks_in_their_order(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    days = [f"2024-03-{n:02}" for n in range(1, FAILED_RUNS_A_TICK + 3)]
    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.tick()
        for on in days:
            sensor.run_fails(on)
        sensor.tick()
        assert days_told(receiver.received) == days[:FAILED_RUNS_A_TICK]
        sensor.tick()
    assert days_told(receiver.received) == days


def test_runs_that_failed_before_the_sensor_was_switched_on_are_not_told(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.run_fails("2024-03-01")
        sensor.tick()
        sensor.tick()
        assert receiver.received == []
        sensor.run_fails("2024-03-02")
        sensor.tick()
    assert days_told(receiver.received) == ["2024-03-02"]


def test_an_upgrade_goes_on_where_dagsters_own_sensor_stopped(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.run_failure_sensor
    def dagsters(_: dg.RunFailureSensorContext) -> None:
        """What an earlier release had in its place."""

    with webhook() as receiver:
        sensor = new(instance, tmp_path, receiver.url)
        sensor.run_fails("2024-03-01")
        with dg.build_sensor_context(instance=instance) as context:
            dagsters.evaluate_tick(context)
            sensor.cursor = context.cursor
        sensor.run_fails("2024-03-02")
        sensor.tick()
    assert days_told(receiver.received) == ["2024-03-02"]
