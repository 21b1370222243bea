"""The verdicts of every run that has ended are told once, in whatever order the ends come."""

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent

from rfm_platform.automation.alerts import RUNS_A_TICK
from rfm_platform.settings import read_settings
from rfm_platform.wiring import build_platform
from rfm_platform_tests.automation.sensor import Sensor
from rfm_platform_tests.receivers import Receiver, webhook


@dg.job
def load() -> None:
    """A job without steps: its runs say and end as somebody wants."""


class OfChecks(Sensor):
    """The sensor of checks, and runs that it looks at."""

    def run(self, check: str | None = None, *, passed: bool = False) -> dg.DagsterRun:
        """A run that has begun, and in which a check has said something."""
        run = self.instance.create_run_for_job(load)
        if check is not None:
            evaluation = dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("source_orders"),
                check_name=check,
                passed=passed,
                metadata={},
            )
            kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION.value
            self._store(run, DagsterEvent(kind, "load", event_specific_data=evaluation))
        return run

    def ends(self, run: dg.DagsterRun, at: dt.datetime | None = None) -> None:
        """The end of a run is stored, which may have been at another time."""
        kind = dg.DagsterEventType.RUN_SUCCESS.value
        self._store(run, DagsterEvent(kind, "load"), at)

    def _store(
        self, run: dg.DagsterRun, event: DagsterEvent, at: dt.datetime | None = None
    ) -> None:
        when = time.time() if at is None else at.timestamp()
        self.instance.report_dagster_event(event, run.run_id, timestamp=when)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


@pytest.fixture
def sensor(tmp_path: Path, receiver: Receiver) -> OfChecks:
    platform = build_platform(read_settings(tmp_path, alert_urls=receiver.url))
    return OfChecks("alert_on_checks", dg.DagsterInstance.ephemeral(), platform)


@pytest.mark.parametrize("off", [dt.timedelta(hours=-1), dt.timedelta(days=1)])
def test_a_run_whose_end_bears_another_time_is_not_overlooked_and_hides_no_other(
    sensor: OfChecks, receiver: Receiver, off: dt.timedelta
) -> None:
    """A database was busy, or a clock is slow or ahead."""
    now = dt.datetime.now(dt.UTC)
    odd, even, last = sensor.run("odd"), sensor.run("even"), sensor.run("last")
    for run, at in ((even, now), (odd, now + off), (last, now)):
        receiver.received.clear()
        sensor.ends(run, at)
        sensor.tick()
        sensor.tick()
        (told,) = receiver.received
        assert told.splitlines()[0] == "rfm_platform checks: 1 failed"


def test_hundreds_of_runs_that_end_at_once_are_all_looked_at(
    sensor: OfChecks, receiver: Receiver
) -> None:
    sensor.ends(sensor.run("first"))
    for _ in range(RUNS_A_TICK * 6):
        sensor.instance.report_run_canceled(sensor.run())
    sensor.ends(sensor.run("last"))
    for _ in range(7):
        sensor.tick()
    first, last = receiver.received
    assert "ERROR source_orders first" in first
    assert "ERROR source_orders last" in last
    sensor.tick()
    assert len(receiver.received) == 2


def test_of_an_earlier_releases_cursor_only_what_has_ended_since_is_told(
    sensor: OfChecks, receiver: Receiver
) -> None:
    """It knew the last run's end by its time."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    sensor.ends(sensor.run("before"), then)
    sensor.cursor = json.dumps({"after": then.timestamp(), "runs": ["0b7e8a4e"], "failing": ""})
    sensor.tick()
    assert receiver.received == []
    sensor.ends(sensor.run("since"))
    sensor.tick()
    sensor.tick()
    (told,) = receiver.received
    assert "ERROR source_orders since" in told


def test_a_tag_that_an_old_run_gets_is_no_news(sensor: OfChecks, receiver: Receiver) -> None:
    run = sensor.run("check")
    sensor.ends(run)
    sensor.ends(sensor.run("check", passed=True))
    sensor.tick()
    sensor.instance.add_run_tags(run.run_id, {"looked": "at"})
    sensor.tick()
    assert receiver.received == []
