"""Days that a check has stopped: whoever makes something of lines looks for them first.

In a run that reads a day nothing goes on past a check that blocks. Another run sees only what the
lake holds: the day's lines, judged or not. It waits for those that are being judged, because runs
of several days that were missed take turns. Lines that a run has put into the lake, and died before
it told Dagster so, are judged by nobody, whatever was said of those before them.
"""

import datetime as dt
import time
from collections.abc import Iterable

import dagster as dg

from rfm_platform.calendar import days_between
from rfm_platform.errors import PlatformError
from rfm_platform.lake import Lake
from rfm_platform.materializations import FOLDED, READ, behind, newest
from rfm_platform.presentation import LAKE_VERSION
from rfm_platform.processes import UNFINISHED, end_killed_runs
from rfm_platform.verdicts import BLOCKING, passed_what_blocks, planned
from rfm_platform.wiring import Platform

DAYS_NAMED = 5
WAIT_SECONDS = 900.0
ASK_EVERY_SECONDS = 2.0
ROOT_RUN = "dagster/root_run_id"  # Dagster's tag of a retry


class StoppedDaysError(PlatformError):
    """Days whose lines may not be used: which ones, why, what to do."""


def days_to_read_again(
    instance: dg.DagsterInstance, platform: Platform, days: Iterable[dt.date]
) -> list[dt.date]:
    """Days that a check stopped, and those that nobody has judged and no month has taken in.

    Nobody would judge them again: the mart has not changed since they were read.
    """
    stopped, unjudged = _suspected(instance, platform, days)
    return sorted({*stopped, *unjudged})


def versions_held(lake: Lake, days: Iterable[dt.date]) -> dict[dt.date, str]:
    """What the lake holds of each day, by a token; of a day without rows an empty one."""
    days = list(days)
    held = {partition.value: partition.token for partition in lake.source_orders.on(days)}
    return {day: held.get(day, "") for day in days}


def refuse_stopped_days(
    context: dg.AssetExecutionContext, platform: Platform, last: dt.date
) -> None:
    """Looks whether lines up to a day may be used. Waits while another run judges some of them.

    Raises:
        StoppedDaysError: a day of them did not pass, or nobody judges it.
    """
    days = days_between(platform.settings.start_date, last)
    patience = time.monotonic() + WAIT_SECONDS
    waited_for: list[dt.date] = []
    while True:
        stopped, unjudged = _suspected(context.instance, platform, days)
        if stopped:
            raise StoppedDaysError(
                "nothing is made of lines that did not pass their checks: source_orders of "
                f"{_named(stopped)}. Put the mart right, then `rfm refresh`, which reads them again"
            )
        if not unjudged:
            return
        others = _judging(context, unjudged)
        if not others or time.monotonic() > patience:
            run = f" (run {', '.join(sorted(others))} judges it)" if others else ""
            raise StoppedDaysError(
                "nothing is made of lines that nobody has judged: source_orders of "
                f"{_named(unjudged)}{run}. `rfm refresh` reads them again and judges them"
            )
        if unjudged != waited_for:
            context.log.info(f"waiting for the checks of source_orders of {_named(unjudged)}")
            waited_for = unjudged
        time.sleep(ASK_EVERY_SECONDS)  # Dagster's records are all that tells of another process


def _suspected(
    instance: dg.DagsterInstance, platform: Platform, days: Iterable[dt.date]
) -> tuple[list[dt.date], list[dt.date]]:
    """Days that did not pass, and those without a verdict that no month has taken in yet."""
    days = list(days)
    if not days:
        return [], []
    passed = passed_what_blocks(instance, READ, days)
    unfolded = behind(instance, FOLDED, READ, days)
    stopped = sorted(day for day, has_passed in passed.items() if has_passed is False)
    unjudged = {day for day in unfolded if passed[day] is None}
    return stopped, sorted({*unjudged, *_untold(instance, platform, days)})


def _untold(instance: dg.DagsterInstance, platform: Platform, days: list[dt.date]) -> list[dt.date]:
    """Days of which the lake holds something else than what Dagster was told last.

    Whatever a month has taken in was looked at then, so few records have to be read.
    """
    outdated = {*platform.checked_transforms.outdated_months(max(days))}
    days = [day for day in days if day.replace(day=1) in outdated]
    told = {
        dt.date.fromisoformat(record.partition_key or ""): record.asset_materialization
        for record in newest(instance, READ, days)
    }
    untold = []
    for day, version in versions_held(platform.lake, days).items():
        event = told.get(day)
        # A release that did not tell the version had told all the same.
        said = event.metadata.get(LAKE_VERSION) if event else dg.TextMetadataValue("")
        if said is not None and said.value != version:
            untold.append(day)
    return untold


def _judging(context: dg.AssetExecutionContext, days: list[dt.date]) -> set[str]:
    """The other runs that go on to judge some days; none, if one day has no such run.

    What this run has read it would have judged by now.
    """
    end_killed_runs(context.instance)
    readings = newest(context.instance, READ, days)
    if len(readings) < len(days):
        return set()
    judging = set()
    for reader in {record.run_id for record in readings}:
        others = _that_judge(context.instance, reader) - {context.run.run_id}
        if not others:
            return set()
        judging |= others
    return judging


def _that_judge(instance: dg.DagsterInstance, reader: str) -> set[str]:
    """A run that has read days, or retries of it: those that go on and have planned the checks."""
    run = instance.get_run_by_id(reader)
    root = run.root_run_id or reader if run else reader
    found = instance.get_runs(dg.RunsFilter(run_ids=[reader], statuses=UNFINISHED))
    retries = dg.RunsFilter(tags={ROOT_RUN: root}, statuses=[dg.DagsterRunStatus.STARTED])
    return {
        each.run_id
        for each in [*found, *instance.get_runs(retries)]
        if planned(instance, each.run_id, READ).issuperset(BLOCKING)
    }


def _named(days: list[dt.date]) -> str:
    more = len(days) - DAYS_NAMED
    named = ", ".join(day.isoformat() for day in days[:DAYS_NAMED])
    return named + (f" and {more} more" if more > 0 else "")
