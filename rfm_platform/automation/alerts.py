"""Sensors that tell people: about checks that failed or recovered, and about runs that failed.

Dagster's own alerting is not part of its open source. A failed check that does not block leaves
its run green, so the verdicts of every run that has ended are read, in the order in which their
ends were stored; the sensor's cursor remembers what was told.

Dagster's sensor of failed runs goes on to the next run also when it could not tell about one. Ours
walks the same events, and its cursor moves past them once a message is sent. What nobody took is
tried again at longer and longer intervals, which the cursor remembers: so such a tick is skipped
and says why, where an error would take the cursor back.
"""

import datetime as dt
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, replace
from typing import Literal

import dagster as dg

from rfm_platform.automation.failures import quotable
from rfm_platform.automation.messages import (
    RECORD,
    RETRY,
    Memory,
    Message,
    Verdict,
    tell,
    tell_failed_run,
)
from rfm_platform.automation.retries import NO_RETRY, Retry
from rfm_platform.notifier import NotificationError
from rfm_platform.outcomes import outcome_of
from rfm_platform.partitions import describe_days
from rfm_platform.presentation import DAY_LOOKED_AT, IS_NEWS, PARTS, SUMMARY
from rfm_platform.verdicts import that_hold
from rfm_platform.wiring import Platform

EndOfRun = Literal[
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
]
RUNS_A_TICK = 50
FAILED_RUNS_A_TICK = 5  # a message each, and a tick may take a minute
SECONDS_OF_SENDING = 30  # after which the next message has to wait for the next tick
SECONDS_BETWEEN_TICKS = 60
ENDS: tuple[EndOfRun, ...] = (
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
)
EVALUATION = dg.DagsterEventType.ASSET_CHECK_EVALUATION
_log = logging.getLogger(__name__)


def alert_sensors(*, running: bool) -> list[dg.SensorDefinition]:
    """Both sensors.

    Args:
        running: whether they run without being switched on.
    """
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
    return [_on_checks(status), _on_failed_runs(status)]


def _on_checks(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_on_checks",
        description="Tells about checks that failed, once a day of data, and that recovered.",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=status,
    )
    def alert_on_checks(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SkipReason:
        memory, now = Memory.read(context.cursor), dt.datetime.now(dt.UTC)
        if not memory.retry.is_due(now):
            return dg.SkipReason(memory.retry.describe())
        verdicts = list(_evaluations(context.instance, memory))
        message = tell(memory, verdicts, platform.settings.ui_url)
        if message is not None:
            try:
                platform.notifier.send(message.title, message.body)
            except NotificationError as error:
                retry = memory.retry.later(now)
                if not retry.is_given_up:
                    as_it_was = replace(Memory.read(context.cursor), retry=retry)
                    context.update_cursor(as_it_was.write())
                    return _not_sent(error, retry)
                _give_up(error, message)
        memory.retry = NO_RETRY
        context.update_cursor(memory.write())
        return dg.SkipReason(message.title if message else "Nothing new.")

    return alert_on_checks


def _on_failed_runs(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_on_failed_runs",
        description="Tells about runs that failed: which days, which steps, why.",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=status,
    )
    def alert_on_failed_runs(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SkipReason:
        if not context.cursor:
            # Nobody wants to be told what failed before somebody switched this on.
            newest = context.instance.fetch_run_status_changes(
                dg.DagsterEventType.RUN_FAILURE, limit=1
            ).records
            context.update_cursor(_cursor(newest[0].storage_id if newest else 0))
            return dg.SkipReason("Runs that fail from now on are told.")
        kept, now = json.loads(context.cursor), dt.datetime.now(dt.UTC)
        after, retry = kept[RECORD], Retry(*kept.get(RETRY, ()))
        if not retry.is_due(now):
            return dg.SkipReason(retry.describe())
        told: list[str] = []
        begun = time.monotonic()
        for failure in _failures(context.instance, after):
            message = _about(context.instance, failure, platform.settings.ui_url)
            if message is not None:
                if time.monotonic() - begun > SECONDS_OF_SENDING:
                    break
                try:
                    platform.notifier.send(message.title, message.body)
                except NotificationError as error:
                    retry = retry.later(now)
                    if not retry.is_given_up:
                        context.update_cursor(_cursor(after, retry))
                        return _not_sent(error, retry)
                    _give_up(error, message)
                told.append(message.title)
            after, retry = failure.storage_id, NO_RETRY
            context.update_cursor(_cursor(after))
        return dg.SkipReason("; ".join(told) or "Nothing new.")

    return alert_on_failed_runs


def _not_sent(error: NotificationError, retry: Retry) -> dg.SkipReason:
    """What a tick says, and the log, of a message that nobody took."""
    said = f"{error}. {retry.describe()}"
    _log.error("%s", said)
    return dg.SkipReason(said)


def _give_up(error: NotificationError, message: Message) -> None:
    """A message that nobody has taken for a day is in the log at least."""
    _log.error("%s, for a day. Given up:\n%s\n%s", error, message.title, message.body)


def _evaluations(instance: dg.DagsterInstance, memory: Memory) -> Iterator[Verdict]:
    """The verdicts of the runs that have ended since the last tick; the memory moves on."""
    for end in _ends(instance, memory):
        memory.go_on(end.storage_id)
        evaluations = [
            entry.dagster_event.asset_check_evaluation_data
            for entry in instance.all_logs(end.run_id, of_type=EVALUATION)
            if entry.dagster_event is not None
        ]
        # Where one sums up, each of its days has a verdict of its own.
        own = [each for each in evaluations if SUMMARY not in each.metadata]
        for evaluation in that_hold(instance, own):
            outcome = outcome_of(evaluation)
            day = outcome.day or _day_looked_at(evaluation)
            yield Verdict(
                **asdict(replace(outcome, day=day)),
                run_id=end.run_id,
                only_newest=outcome.day is None,
                is_news=bool(_said(evaluation, IS_NEWS)),
                parts=str(_said(evaluation, PARTS) or ""),
            )


def _ends(instance: dg.DagsterInstance, memory: Memory) -> list[dg.EventLogRecord]:
    """The ends of runs that come after those that the memory knows, by when they were stored.

    Not by when they happened: a database that was busy or a slow clock stores one after later ones.
    """
    found = [
        record
        for kind in ENDS
        for record in instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(
                kind, after_storage_id=memory.after, after_timestamp=memory.since
            ),
            limit=RUNS_A_TICK,
            ascending=True,
        ).records
    ]
    return sorted(found, key=lambda record: record.storage_id)[:RUNS_A_TICK]


def _day_looked_at(evaluation: dg.AssetCheckEvaluation) -> str | None:
    """The day that a verdict without a partition is about, if its check says it."""
    day = _said(evaluation, DAY_LOOKED_AT)
    return str(day) if day is not None else None


def _said(evaluation: dg.AssetCheckEvaluation, name: str) -> object:
    """A value of a verdict's metadata; None: there is none."""
    value = evaluation.metadata.get(name)
    return value.value if value is not None else None


def _cursor(storage_id: int, retry: Retry = NO_RETRY) -> str:
    """By the name that Dagster gives it: where its own sensor stopped, ours goes on."""
    return json.dumps({RECORD: storage_id, RETRY: astuple(retry)})


def _failures(instance: dg.DagsterInstance, after: int) -> Sequence[dg.EventLogRecord]:
    """The failures of runs that come after one: each try of a run has one of its own."""
    return instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=after),
        limit=FAILED_RUNS_A_TICK,
        ascending=True,
    ).records


def _about(
    instance: dg.DagsterInstance, failure: dg.EventLogRecord, ui_url: str | None
) -> Message | None:
    """What is said of a run that failed; None: somebody has deleted it."""
    run = instance.get_run_by_id(failure.run_id)
    if run is None:
        return None
    steps = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    errors = [quotable(entry.dagster_event) for entry in steps if entry.dagster_event]
    event = failure.event_log_entry.dagster_event
    why = (event.message if event else None) or "It did not say why."
    return tell_failed_run(run.job_name, describe_days(run), run.run_id, errors or [why], ui_url)
