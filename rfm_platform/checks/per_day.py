"""A verdict for each day, also when one run is for many.

Dagster writes one evaluation a check and run, and for a range of days that one belongs to no day:
the UI would show each of them as skipped. So an evaluation is logged for every such day, against
the materialization that was looked at; in a range the returned result sums them up. Dagster 1.13
has no public way to name that materialization, and gives a result for one day to the newest there
is when it is stored. This module holds what is private for it, and tests guard it.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as TargetMaterialization,
)

from rfm_platform.customers.earlier import NotKeptError
from rfm_platform.lake import LakeTable
from rfm_platform.materializations import storage_ids, stored
from rfm_platform.partitions import days_of
from rfm_platform.presentation import SUMMARY
from rfm_platform.warehouse import Retention

DAYS_NAMED = 10  # a summary names so many failed days and counts the rest


@dataclass(frozen=True)
class Verdict:
    """What a check found for one day.

    Attributes:
        summary: a sentence for a person.
        severity: of a failure; only an ERROR of a blocking check stops what is downstream.
        looked_at: False: the day was passed over. It targets no materialization then, by which it
            is known later (`verdicts.judged`).
    """

    passed: bool
    summary: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    metadata: Mapping[str, Any] = field(default_factory=dict)
    looked_at: bool = True

    @property
    def fields(self) -> dict[str, Any]:
        """What Dagster's evaluations and results call these."""
        return {
            "passed": self.passed,
            "severity": self.severity,
            "description": self.summary,
            "metadata": self.metadata,
        }


def adds_up(problems: Sequence[str]) -> Verdict:
    """The verdict on what must add up, from what does not."""
    return Verdict(not problems, "; ".join(problems) or "Everything adds up.")


def judge_days(
    context: dg.AssetCheckExecutionContext,
    table: LakeTable,
    check_name: str,
    verdict_of: Callable[[dt.date], Verdict],
    *,
    without_rows: Verdict,
    keep_days: int = 0,
    customers: LakeTable | None = None,
    blocking: bool = False,
) -> dg.AssetCheckResult:
    """Judges each day of a run of which a table has rows, or should have some, and reports.

    Args:
        table: of the lake; its name is the asset's.
        without_rows: the verdict on every other day.
        keep_days: for so many days up to the newest, and for month ends, that there is no row is
            not retention's doing: they are judged as well.
    """
    days = days_of(context.op_execution_context)
    there = [partition.value for partition in table.partitions()]
    empty = [day for day in days if day not in there]
    beside = [partition.value for partition in customers.partitions()] if customers else []
    retention = Retention(max([*there, *beside], default=None), keep_days)
    gone = retention.dropped(empty) if keep_days else empty
    verdicts = {day: without_rows if day in gone else _judged(verdict_of, day) for day in days}
    return report(context, table.name, check_name, verdicts, blocking=blocking)


def _judged(verdict_of: Callable[[dt.date], Verdict], day: dt.date) -> Verdict:
    try:
        return verdict_of(day)
    except NotKeptError:
        return Verdict(
            False,
            "Not checked: the lines that this snapshot was made from are not kept any more "
            "(RFM_KEEP_VERSIONS_DAYS), or the table was read anew; those of today are others.",
            dg.AssetCheckSeverity.WARN,
        )


def report(
    context: dg.AssetCheckExecutionContext,
    asset_key: str,
    check_name: str,
    verdicts: Mapping[dt.date, Verdict],
    *,
    blocking: bool = False,
    looked_at: Mapping[dt.date, int] | None = None,
) -> dg.AssetCheckResult:
    """Logs each day's verdict and returns the run's result.

    A day beside the run's own that must block makes the run's own day red as well: nothing else
    would stop what is downstream.

    Args:
        verdicts: one for each day of the run, and for each that it did beside them.
        looked_at: the materializations that they are about, as `storage_ids` gives them; None:
            the newest ones.
    """
    own = days_of(context.op_execution_context)
    days = days_of(context.op_execution_context, asset_key)
    if missing := [day for day in days if day not in verdicts]:
        raise ValueError(f"{check_name} has no verdict for {missing[0]}")
    key = dg.AssetKey(asset_key)
    # Dagster gives the result of a run for one day to that day: the others are logged.
    beside = [day for day in days if day not in own]
    sums_up = len(own) > 1 or (blocking and any(_is_error(verdicts[day]) for day in beside))
    if looked_at is None:
        looked_at = storage_ids(context.instance, key, days)
    targets = _targets(context.instance, key, looked_at)
    evaluations = [
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=check_name,
            **verdicts[day].fields,
            target_materialization_data=targets.get(day) if verdicts[day].looked_at else None,
            blocking=blocking,
            partition=day.isoformat(),
        )
        for day in (days if sums_up else beside)
    ]
    if evaluations:
        _log(context, evaluations)
    if sums_up:
        return _sum_up(key, check_name, {day: verdicts[day] for day in days})
    result = _Result(asset_key=key, check_name=check_name, **verdicts[own[0]].fields)
    result.target = targets.get(own[0])
    return result


class _Result(dg.AssetCheckResult):
    """A result about the materialization that was looked at."""

    target: TargetMaterialization | None = None

    def _get_target_materialization_data(self, *_: object) -> TargetMaterialization | None:
        return self.target


def _log(
    context: dg.AssetCheckExecutionContext, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> None:
    """Logs evaluations, in one transaction where the storage can."""
    together = getattr(context.instance.event_log_storage, "together", nullcontext)
    with together(context.run.run_id):
        for evaluation in evaluations:
            # Dagster takes an evaluation here; its annotation does not say so.
            context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type]


def _is_error(verdict: Verdict) -> bool:
    return not verdict.passed and verdict.severity is dg.AssetCheckSeverity.ERROR


def _sum_up(
    key: dg.AssetKey, check_name: str, verdicts: Mapping[dt.date, Verdict]
) -> dg.AssetCheckResult:
    failed = [day for day, verdict in verdicts.items() if not verdict.passed]
    errors = [day for day in failed if _is_error(verdicts[day])]
    if failed:
        named = ", ".join(str(day) for day in failed[:DAYS_NAMED])
        more = f" and {len(failed) - DAYS_NAMED} more" if len(failed) > DAYS_NAMED else ""
        first = verdicts[(errors or failed)[0]].summary
        summary = f"{len(failed)} of {len(verdicts)} days failed: {named}{more}. {first}"
    else:
        summary = f"{len(verdicts)} days passed."
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check_name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN,
        description=summary,
        metadata={SUMMARY: len(verdicts), "failed_days": len(failed)},
    )


def _targets(
    instance: dg.DagsterInstance, key: dg.AssetKey, looked_at: Mapping[dt.date, int]
) -> dict[dt.date, TargetMaterialization]:
    return {
        dt.date.fromisoformat(record.partition_key or ""): TargetMaterialization(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in stored(instance, key, looked_at)
    }
