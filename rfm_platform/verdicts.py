"""What the checks have said so far, from Dagster's own records."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from rfm_platform.dashboards import CheckLine
from rfm_platform.dashboards.check_results import CheckResult
from rfm_platform.presentation import SUMMARY

# A day of source_orders that has not passed them goes no further.
EQUALS_THE_SOURCE = "equals_the_source"
LIES_WITHIN_ONE_DAY = "orders_lie_within_one_day"
BLOCKING = (EQUALS_THE_SOURCE, LIES_WITHIN_ONE_DAY)
PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
VERDICTS_AT_ONCE = 5  # a page of a day's: mostly the first of it is the one that is looked for
_GIVEN = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@dataclass(frozen=True)
class CheckOutcome:
    """What a check has said.

    Attributes:
        day: None: of a check that has no days, or of a run's range, all its days together.
    """

    asset: str
    check: str
    day: str | None
    passed: bool
    severity: str
    description: str


def passed_what_blocks(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[dt.date]
) -> dict[dt.date, bool | None]:
    """Whether each day's newest materialization has passed; None: it is not judged by all yet.

    A day that only warns has passed: it is right as of its reading, and the mart has moved on. So
    has one that is right itself, in a run that a day beside it has stopped.
    """
    keys = {day.isoformat(): day for day in days}
    if not keys:
        return {}
    said: dict[str, list[bool | None]] = {text: [] for text in keys}
    for name in BLOCKING:
        check = dg.AssetCheckKey(key, name)
        for info in instance.event_log_storage.get_asset_check_partition_info(
            [check], partition_keys=list(keys)
        ):
            reading = info.latest_materialization_storage_id
            if reading is not None:
                has_passed = info.is_current and info.latest_execution_status.value == "SUCCEEDED"
                text = str(info.partition_key)
                said[text].append(has_passed or _newest_verdict(instance, check, text, reading))
    return {
        day: False if False in said[text] else said[text].count(True) == len(BLOCKING) or None
        for text, day in keys.items()
    }


def planned(instance: dg.DagsterInstance, run_id: str, key: dg.AssetKey) -> set[str]:
    """The names of the checks of an asset that a run is to evaluate."""
    return {
        plan.check_name
        for entry in instance.all_logs(run_id, of_type=PLANNED)
        if entry.dagster_event is not None
        and (plan := entry.dagster_event.asset_check_planned_data).asset_key == key
    }


def _newest_verdict(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, day: str, reading: int
) -> bool | None:
    """Whether the lines of a reading may go on; None: the check has not said so yet.

    Runs that read a day one after the other may have begun in another order, by which Dagster
    keeps their verdicts. The newest one may sum up all days of a run.

    Args:
        reading: the storage id of the day's newest materialization.
    """
    for evaluation in _evaluations(instance, check, day):
        target = evaluation.target_materialization_data
        is_of_reading = target is not None and target.storage_id == reading
        if is_of_reading and SUMMARY not in evaluation.metadata:
            return evaluation.passed or evaluation.severity is dg.AssetCheckSeverity.WARN
    return None


def _evaluations(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, day: str
) -> Iterator[dg.AssetCheckEvaluation]:
    """All verdicts of a check on a day, those of the run that began last first."""
    cursor = None
    while records := instance.event_log_storage.get_asset_check_execution_history(
        check,
        limit=VERDICTS_AT_ONCE,
        cursor=cursor,
        status=_GIVEN,  # of a run that waits for its turn there is a record without a verdict
        partition_filter=PartitionKeyFilter(key=day),
    ):
        yield from (record.evaluation for record in records if record.evaluation is not None)
        cursor = records[-1].id


def newest_verdicts(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, *, by_day: bool
) -> dict[str | None, bool]:
    """Whether each day has passed by its newest verdict; of a check without days, under None."""
    return {
        info.partition_key: info.latest_execution_status.value == "SUCCEEDED"
        for info in instance.event_log_storage.get_asset_check_partition_info([key])
        if (info.partition_key is not None) == by_day
        and info.latest_execution_status.value in ("SUCCEEDED", "FAILED")
    }


def judged(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, days: Iterable[dt.date]
) -> set[dt.date]:
    """Days that a check has looked at, as its newest verdict on each says. One query for all.

    A verdict on a day that was passed over targets no materialization.
    """
    keys = {day.isoformat(): day for day in days}
    if not keys:
        return set()
    found = instance.event_log_storage.get_asset_check_partition_info(
        [key], partition_keys=list(keys)
    )
    return {
        keys[info.partition_key]
        for info in found
        if info.partition_key is not None
        and info.latest_target_materialization_storage_id is not None
    }


def outcome_of(evaluation: dg.AssetCheckEvaluation) -> CheckOutcome:
    """What an evaluation says."""
    return CheckOutcome(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        day=evaluation.partition,
        passed=evaluation.passed,
        severity=evaluation.severity.value,
        description=evaluation.description or "",
    )


def failures(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, days: Iterable[str | None]
) -> list[CheckOutcome]:
    """What the check said of days that have failed by their newest verdict: a query for each."""
    records = [
        record
        for day in days
        for record in instance.event_log_storage.get_asset_check_execution_history(
            key,
            limit=1,
            status={AssetCheckExecutionRecordStatus.FAILED},
            partition_filter=PartitionKeyFilter(key=day),
        )
    ]
    return [outcome_of(record.evaluation) for record in records if record.evaluation is not None]


def check_lines(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetCheckSpec]
) -> list[CheckLine]:
    """A line for each check that has a verdict, by asset and name."""
    lines = []
    for spec in sorted(specs, key=lambda spec: (str(spec.key.asset_key), spec.name)):
        verdicts = newest_verdicts(instance, spec.key, by_day=spec.partitions_def is not None)
        if verdicts:
            asset = spec.asset_key.to_user_string()
            passed = sum(verdicts.values())
            failed = len(verdicts) - passed
            lines.append(CheckLine(asset, spec.name, spec.description or "", passed, failed))
    return lines


def check_results(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetCheckSpec]
) -> list[CheckResult]:
    """The newest verdict of each check on each day it has judged."""
    results = []
    for spec in specs:
        asset = spec.asset_key.to_user_string()
        verdicts = newest_verdicts(instance, spec.key, by_day=spec.partitions_def is not None)
        for day, passed in verdicts.items():
            judged = dt.date.fromisoformat(day) if day is not None else None
            results.append(CheckResult(asset, spec.name, judged, passed))
    return results
