"""Running the jobs from a command line, through Dagster's instance: the UI shows what ran here.

A long range is loaded month by month, each in a run of its own: an interruption loses a month's
work at most, memory follows a month, and there is something to report in between.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

import dagster as dg

from rfm_platform.automation.failures import innermost_error, our_sentence
from rfm_platform.automation.jobs import (
    DAILY_JOB,
    LOAD_JOB,
    REDASH_DASHBOARDS,
    REDASH_JOB,
    SNAPSHOT_JOB,
)
from rfm_platform.calendar import days_between, last_day
from rfm_platform.outcomes import CheckOutcome, outcome_of
from rfm_platform.partitions import RANGE_END, RANGE_START, LateChanges
from rfm_platform.presentation import SUMMARY
from rfm_platform.processes import process_tags

SnapshotChoice = Literal["last", "month-ends", "all"]
_QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Step:
    """One run: a job over a range of days.

    Attributes:
        title: for a progress bar.
        config: the run's.
    """

    job: str
    first: dt.date
    last: dt.date
    title: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        checks: what the checks said of each day; for a range, of all its days together.
        errors: what went wrong, once, after the names of the steps that failed of it.
    """

    step: Step
    run_id: str
    succeeded: bool
    checks: list[CheckOutcome]
    errors: list[str] = field(default_factory=list)


def plan(first: dt.date, last: dt.date, snapshots: SnapshotChoice) -> list[Step]:
    """The runs that bring the tables from one day to another.

    Args:
        snapshots: which days get a snapshot: the last, every month's last and the last, or all.
    """
    days = days_between(first, last)
    loads = []
    for month, group in groupby(days, key=lambda day: day.replace(day=1)):
        in_month = list(group)
        loads.append(Step(LOAD_JOB, in_month[0], in_month[-1], f"{month:%Y-%m}: days"))
    chosen = {
        "last": [last],
        "month-ends": [day for day in days if day == last_day(day) or day == last],
        "all": days,
    }[snapshots]
    return [*loads, *(Step(SNAPSHOT_JOB, day, day, f"{day}: snapshot") for day in chosen)]


def plan_refresh(as_of: dt.date, *, all_days: bool, missed: dt.date | None = None) -> list[Step]:
    """The run that brings the tables up to a day, late changes of earlier days included.

    Args:
        missed: a morning that is made up for first.
    """
    looking_at = LateChanges.ALL if all_days else LateChanges.WINDOW
    days = [as_of] if missed is None else [missed, as_of]
    return [Step(DAILY_JOB, day, day, f"{day}: refresh", looking_at.config) for day in days]


def plan_redash(as_of: dt.date, *, overwrite: bool) -> list[Step]:
    """The run that brings Redash to the declaration.

    Args:
        as_of: the newest published day, which the run is noted for.
        overwrite: whether edits by people are undone.
    """
    config = {"ops": {REDASH_DASHBOARDS: {"config": {"overwrite": overwrite}}}}
    return [Step(REDASH_JOB, as_of, as_of, "Redash's dashboards", config)]


def execute(
    definitions: dg.Definitions, instance: dg.DagsterInstance, steps: list[Step]
) -> Iterator[Outcome]:
    """Executes runs one after the other and ends with the first that fails."""
    for step in steps:
        outcome = _execute(definitions, instance, step)
        yield outcome
        if not outcome.succeeded:
            return


def _execute(definitions: dg.Definitions, instance: dg.DagsterInstance, step: Step) -> Outcome:
    job = definitions.resolve_job_def(step.job)
    if step.first == step.last:
        scope: dict[str, Any] = {"partition_key": step.first.isoformat()}
        tags = process_tags()
    else:
        scope = {}
        tags = process_tags() | {
            RANGE_START: step.first.isoformat(),
            RANGE_END: step.last.isoformat(),
        }
    result = job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags=tags,
        run_config={**_QUIET, **step.config},
        **scope,
    )
    one_day = step.first == step.last
    checks = [
        outcome_of(evaluation)
        for evaluation in result.get_asset_check_evaluations()
        # A verdict that sums up is for a range: otherwise each of its days has one here.
        if (SUMMARY not in evaluation.metadata if one_day else evaluation.partition is None)
    ]
    errors = _explain(event for event in result.all_events if event.is_step_failure)
    return Outcome(step, result.run_id, result.success, checks, errors)


def _explain(failures: Iterable[dg.DagsterEvent]) -> list[str]:
    """The innermost causes of failed steps, without a stack; each once, after its steps."""
    steps: dict[str, list[str]] = {}
    for event in failures:
        error = innermost_error(event)
        said = (our_sentence(error) or error.message.strip()) if error else "failed"
        steps.setdefault(said, []).append(str(event.step_key))
    return [f"{', '.join(names)}: {said}" for said, names in steps.items()]
