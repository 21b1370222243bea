"""What the checks have said so far, counted, from Dagster's own records."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import dagster as dg

from rfm_platform.dashboards import CheckLine
from rfm_platform.dashboards.check_results import CheckResult

# A day of source_orders that has not passed them goes no further.
EQUALS_THE_SOURCE = "equals_the_source"
LIES_WITHIN_ONE_DAY = "orders_lie_within_one_day"
_BLOCKING = (EQUALS_THE_SOURCE, LIES_WITHIN_ONE_DAY)


def not_passed(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[dt.date]
) -> list[dt.date]:
    """Days whose newest materialization has not passed what blocks, in order."""
    keys = {day.isoformat(): day for day in days}
    if not keys:
        return []
    found = instance.event_log_storage.get_asset_check_partition_info(
        [dg.AssetCheckKey(key, check) for check in _BLOCKING], partition_keys=list(keys)
    )
    passed = Counter(
        info.partition_key
        for info in found
        if info.is_current and info.latest_execution_status.value == "SUCCEEDED"
    )
    return sorted(day for text, day in keys.items() if passed[text] < len(_BLOCKING))


def count_verdicts(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, *, by_day: bool
) -> tuple[int, int]:
    """Days (or, for a check without days, runs) whose newest verdict is passed and failed."""
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    counts = Counter(
        info.latest_execution_status.value
        for info in found
        if (info.partition_key is not None) == by_day
    )
    return counts["SUCCEEDED"], counts["FAILED"]


def check_lines(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetCheckSpec]
) -> list[CheckLine]:
    """A line for each check that has a verdict, by asset and name."""
    lines = []
    for spec in sorted(specs, key=lambda spec: (str(spec.key.asset_key), spec.name)):
        by_day = spec.partitions_def is not None
        passed, failed = count_verdicts(instance, spec.key, by_day=by_day)
        if passed or failed:
            asset = spec.asset_key.to_user_string()
            lines.append(CheckLine(asset, spec.name, spec.description or "", passed, failed))
    return lines


def check_results(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetCheckSpec]
) -> list[CheckResult]:
    """The newest verdict of each check on each day it has judged."""
    results = []
    for spec in specs:
        by_day = spec.partitions_def is not None
        for info in instance.event_log_storage.get_asset_check_partition_info([spec.key]):
            status = info.latest_execution_status.value
            day = info.partition_key
            if (day is not None) == by_day and status in ("SUCCEEDED", "FAILED"):
                asset = spec.asset_key.to_user_string()
                judged = dt.date.fromisoformat(day) if day is not None else None
                results.append(CheckResult(asset, spec.name, judged, status == "SUCCEEDED"))
    return results
