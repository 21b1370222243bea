"""Sensors that tell people: about checks that failed or recovered, and about runs that failed.

Dagster's own alerting is not part of its open source. A failed check that does not block leaves
its run green, so the verdicts of every run that has ended are read, in the order in which they
ended; the sensor's cursor remembers what was told.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from rfm_platform.automation.failures import quotable
from rfm_platform.automation.messages import Memory, Verdict, tell, tell_failed_run
from rfm_platform.partitions import describe_days
from rfm_platform.presentation import SUMMARY
from rfm_platform.wiring import Platform

RUNS_A_TICK = 50
SECONDS_BETWEEN_TICKS = 60
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

    @dg.run_failure_sensor(
        name="alert_on_failed_runs",
        description="Tells about runs that failed: which days, which steps, why.",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=status,
    )
    def alert_on_failed_runs(
        context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]
    ) -> None:
        run = context.dagster_run
        message = tell_failed_run(
            run.job_name,
            describe_days(run),
            run.run_id,
            [quotable(event) for event in context.get_step_failure_events()]
            or [context.failure_event.message or "It did not say why."],
            platform.settings.ui_url,
        )
        platform.notifier.send(message.title, message.body)

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
            yield Verdict(
                asset=evaluation.asset_key.to_user_string(),
                check=evaluation.check_name,
                day=evaluation.partition,
                passed=evaluation.passed,
                severity=evaluation.severity.value,
                description=evaluation.description or "",
                run_id=run_id,
            )
