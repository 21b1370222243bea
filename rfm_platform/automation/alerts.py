"""Sensors that tell people: about checks that failed or recovered, and about runs that failed.

Dagster's own alerting is not part of its open source. A failed check that does not block leaves
its run green, so the verdicts of every run that has ended are read, in the order in which they
ended; the sensor's cursor remembers what was told.

Dagster's sensor of failed runs goes on to the next run also when it could not tell about one. Ours
walks the same events, and its cursor moves once a message is sent.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import dagster as dg

from rfm_platform.automation.failures import quotable
from rfm_platform.automation.messages import Memory, Message, Verdict, tell, tell_failed_run
from rfm_platform.notifier import NotificationError
from rfm_platform.partitions import describe_days
from rfm_platform.presentation import DAY_LOOKED_AT, SUMMARY
from rfm_platform.verdicts import outcome_of
from rfm_platform.wiring import Platform

RUNS_A_TICK = 50
FAILED_RUNS_A_TICK = 5  # a message each, and a tick may take a minute
SECONDS_BETWEEN_TICKS = 60
RECORD = "record_id"
ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def alert_sensors(*, running: bool) -> list[dg.SensorDefinition]:
    """Both sensors.

    Args:
        running: whether they run without being switched on.
    """
    status = dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="alert_on_checks",
        description="Tells about checks that failed, once a day of data, and that recovered.",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=status,
    )
    def alert_on_checks(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SkipReason:
        memory = Memory.read(context.cursor)
        verdicts = list(_evaluations(context.instance, memory))
        message = tell(memory, verdicts, platform.settings.ui_url)
        if message is not None:
            # Before the cursor moves: what could not be sent is sent at the next tick.
            platform.notifier.send(message.title, message.body)
        context.update_cursor(memory.write())
        return dg.SkipReason(message.title if message else "Nothing new.")

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
        told: list[str] = []
        for failure in _failures(context.instance, context.cursor):
            message = _about(context.instance, failure, platform.settings.ui_url)
            if message is not None:
                try:
                    platform.notifier.send(message.title, message.body)
                except NotificationError:
                    if not told:
                        raise
                    break  # an error would take back the cursor, and what was sent is sent again
                told.append(message.title)
            context.update_cursor(_cursor(failure.storage_id))
        return dg.SkipReason("; ".join(told) or "Nothing new.")

    return [alert_on_checks, alert_on_failed_runs]


def _evaluations(instance: dg.DagsterInstance, memory: Memory) -> Iterator[Verdict]:
    """The verdicts of the runs that have ended since the last tick; the memory moves on."""
    ended = instance.get_run_records(
        dg.RunsFilter(
            statuses=ENDED,
            updated_after=dt.datetime.fromtimestamp(memory.after, dt.UTC) if memory.after else None,
        ),
        limit=RUNS_A_TICK,
        order_by="update_timestamp",
        ascending=True,
    )
    for record in ended:
        memory.after = max(memory.after, record.update_timestamp.timestamp())
        run_id = record.dagster_run.run_id
        if not memory.is_new(run_id):
            continue  # a tag of a run that has long ended makes it look new
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            if entry.dagster_event is None:
                continue
            evaluation = entry.dagster_event.asset_check_evaluation_data
            if SUMMARY in evaluation.metadata:
                continue  # each of its days has a verdict of its own
            outcome = outcome_of(evaluation)
            day = outcome.day or _day_looked_at(evaluation)
            yield Verdict(
                **asdict(replace(outcome, day=day)),
                run_id=run_id,
                only_newest=outcome.day is None,
            )


def _day_looked_at(evaluation: dg.AssetCheckEvaluation) -> str | None:
    """The day that a verdict without a partition is about, if its check says it."""
    day = evaluation.metadata.get(DAY_LOOKED_AT)
    return str(day.value) if day is not None else None


def _cursor(storage_id: int) -> str:
    """By the name that Dagster gives it: where its own sensor stopped, ours goes on."""
    return json.dumps({RECORD: storage_id})


def _failures(instance: dg.DagsterInstance, cursor: str) -> Sequence[dg.EventLogRecord]:
    """The failures of runs that come after a cursor: each try of a run has one of its own."""
    after = json.loads(cursor)[RECORD]
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
