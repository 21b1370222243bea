"""Which of the verdicts of checks count, from Dagster's own records."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
    AssetCheckPartitionInfo,
)

from rfm_platform.presentation import SUMMARY

# A day of source_orders that has not passed them goes no further.
EQUALS_THE_SOURCE = "equals_the_source"
LIES_WITHIN_ONE_DAY = "orders_lie_within_one_day"
BLOCKING = (EQUALS_THE_SOURCE, LIES_WITHIN_ONE_DAY)
PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
VERDICTS_AT_ONCE = 5  # a page of a day's: mostly the first of it is the one that is looked for
_GIVEN = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


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
        for info in _newest_by_day(instance, check, keys):
            reading = info.latest_materialization_storage_id
            if reading is not None:
                has_passed = info.is_current and info.latest_execution_status.value == "SUCCEEDED"
                text = str(info.partition_key)
                said[text].append(has_passed or _may_go_on(instance, check, text, reading))
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


def _may_go_on(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, day: str, reading: int
) -> bool | None:
    """Whether the lines of a reading may go on; None: the check has not said so yet.

    Args:
        reading: the storage id of the day's newest materialization.
    """
    found = the_one_that_counts(instance, check, day, reading)
    if found is None or _reading(found) != reading:
        return None
    return found.passed or found.severity is dg.AssetCheckSeverity.WARN


def the_one_that_counts(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, day: str | None, newest: int | None
) -> dg.AssetCheckEvaluation | None:
    """The verdict of a check on a day that holds: the one on the newest reading that has any.

    Dagster keeps verdicts by when their runs began, and runs that read a day one after the other
    may have begun in another order. Of a run that waits or died it knows that there is none yet.

    Args:
        day: None: of a check that has no days.
        newest: the storage id of the day's newest materialization.
    """
    holds = None
    for evaluation in _evaluations(instance, check, day):
        if day is not None and SUMMARY in evaluation.metadata:
            continue  # sums up all days of a run
        if holds is None or _reading(evaluation) > _reading(holds):
            holds = evaluation
        if day is None or _reading(holds) == newest:
            break
    return holds


def _reading(evaluation: dg.AssetCheckEvaluation) -> int:
    """The storage id of the materialization that was judged; 0: none was."""
    target = evaluation.target_materialization_data
    return target.storage_id if target is not None else 0


def _newest_by_day(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, days: Iterable[str] | None = None
) -> Sequence[AssetCheckPartitionInfo]:
    """What the run that began last has said of each day, or has not yet. One query for all."""
    return instance.event_log_storage.get_asset_check_partition_info(
        [check], partition_keys=None if days is None else list(days)
    )


def _evaluations(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, day: str | None
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
    """Whether each day has passed by the verdict that counts; of a check without days, None has.

    One query for all, and one for each day whose newest run has not said it of what is there now.
    """
    verdicts: dict[str | None, bool] = {}
    for info in _newest_by_day(instance, key):
        day, reading = info.partition_key, info.latest_materialization_storage_id
        if (day is not None) != by_day:
            continue
        target = info.latest_target_materialization_storage_id
        # Without a target: of a check without days, or of a day that was passed over.
        if info.latest_execution_status in _GIVEN and target in (None, reading):
            verdicts[day] = info.latest_execution_status.value == "SUCCEEDED"
        elif found := the_one_that_counts(instance, key, day, reading):
            verdicts[day] = found.passed
    return verdicts


def judged(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, days: Iterable[dt.date]
) -> set[dt.date]:
    """Days that a check has looked at. A verdict on one that was passed over has no target."""
    keys = {day.isoformat(): day for day in days}
    if not keys:
        return set()
    return {
        keys[info.partition_key]
        for info in _newest_by_day(instance, key, keys)
        if info.partition_key is not None
        and (
            info.latest_target_materialization_storage_id is not None
            or (
                info.latest_execution_status not in _GIVEN
                and any(_reading(each) for each in _evaluations(instance, key, info.partition_key))
            )
        )
    }


def that_hold(
    instance: dg.DagsterInstance, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> list[dg.AssetCheckEvaluation]:
    """Those of some verdicts that none on a newer reading of their day has taken the place of."""
    days: dict[dg.AssetCheckKey, set[str]] = {}
    for each in evaluations:
        if each.partition is not None:
            days.setdefault(each.asset_check_key, set()).add(each.partition)
    newest = {
        (key, info.partition_key): info.latest_materialization_storage_id
        for key, of_check in days.items()
        for info in _newest_by_day(instance, key, of_check)
    }

    def holds(each: dg.AssetCheckEvaluation) -> bool:
        reading = newest.get((each.asset_check_key, each.partition))
        if reading is None or _reading(each) in (0, reading):
            return True
        found = the_one_that_counts(instance, each.asset_check_key, each.partition, reading)
        return found is None or _reading(found) <= _reading(each)

    return [each for each in evaluations if holds(each)]
