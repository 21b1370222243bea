"""Days that a check has stopped: whoever makes something of lines looks for them first.

In a run that reads a day nothing goes on past a check that blocks. Another run sees only what the
lake holds: the day's lines, judged or not. It waits for those that are being judged, because runs
of several days that were missed take turns.
"""

import datetime as dt
import time
from collections.abc import Iterable

import dagster as dg

from rfm_platform.calendar import days_between
from rfm_platform.errors import PlatformError
from rfm_platform.materializations import FOLDED, READ, behind, newest
from rfm_platform.verdicts import passed_what_blocks
from rfm_platform.wiring import Platform

DAYS_NAMED = 5
WAIT_SECONDS = 900.0
ASK_EVERY_SECONDS = 2.0


class StoppedDaysError(PlatformError):
    """Days whose lines may not be used: which ones, why, what to do."""


def days_to_read_again(instance: dg.DagsterInstance, days: Iterable[dt.date]) -> list[dt.date]:
    """Days that a check stopped, and those that nobody has judged and no month has taken in.

    Nobody would judge them again: the mart has not changed since they were read.
    """
    stopped, unjudged = _suspected(instance, days)
    return sorted([*stopped, *unjudged])


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
        stopped, unjudged = _suspected(context.instance, days)
        if stopped:
            raise StoppedDaysError(
                "nothing is made of lines that did not pass their checks: source_orders of "
                f"{_named(stopped)}. Put the mart right, then `rfm refresh`, which reads them again"
            )
        if not unjudged:
            return
        others = _being_read(context, unjudged)
        if not others or time.monotonic() > patience:
            run = f" (run {', '.join(sorted(others))} has read it)" if others else ""
            raise StoppedDaysError(
                "nothing is made of lines that nobody has judged: source_orders of "
                f"{_named(unjudged)}{run}. `rfm refresh` reads them again and judges them"
            )
        if unjudged != waited_for:
            context.log.info(f"waiting for the checks of source_orders of {_named(unjudged)}")
            waited_for = unjudged
        time.sleep(ASK_EVERY_SECONDS)  # Dagster's records are all that tells of another process


def _suspected(
    instance: dg.DagsterInstance, days: Iterable[dt.date]
) -> tuple[list[dt.date], list[dt.date]]:
    """Days that did not pass, and those without a verdict that no month has taken in yet."""
    passed = passed_what_blocks(instance, READ, days)
    unfolded = behind(instance, FOLDED, READ, passed)
    stopped = sorted(day for day, has_passed in passed.items() if has_passed is False)
    return stopped, [day for day in unfolded if passed[day] is None]


def _being_read(context: dg.AssetExecutionContext, days: list[dt.date]) -> set[str]:
    """The other runs that have read all of some days and go on; none, if one day has no such run.

    What this run has read it would have judged by now.
    """
    runs = {record.run_id for record in newest(context.instance, READ, days)}
    found = [context.instance.get_run_by_id(run_id) for run_id in runs - {context.run.run_id}]
    going_on = {run.run_id for run in found if run is not None and not run.is_finished}
    return going_on if going_on == runs else set()


def _named(days: list[dt.date]) -> str:
    more = len(days) - DAYS_NAMED
    named = ", ".join(day.isoformat() for day in days[:DAYS_NAMED])
    return named + (f" and {more} more" if more > 0 else "")
