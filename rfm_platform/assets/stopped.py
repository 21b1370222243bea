"""Days that a check has stopped: whoever makes something of lines looks for them first.

In a run that reads a day nothing goes on past a check that blocks. Another run sees only what the
lake holds: the day's lines, judged or not.
"""

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from rfm_platform.assets.definition import FOLDED, READ
from rfm_platform.calendar import days_between
from rfm_platform.errors import PlatformError
from rfm_platform.materializations import behind, newest
from rfm_platform.verdicts import passed_what_blocks
from rfm_platform.wiring import Platform

DAYS_NAMED = 5


class StoppedDaysError(PlatformError):
    """Days that did not pass what blocks: which ones, what to do."""


def days_to_read_again(instance: dg.DagsterInstance, days: Iterable[dt.date]) -> list[dt.date]:
    """Days that a check stopped, and those that nobody has judged and no month has taken in.

    Nobody would judge them again: the mart has not changed since they were read.
    """
    days = list(days)
    passed = passed_what_blocks(instance, READ, days)
    unfolded = behind(instance, FOLDED, READ, days)
    return sorted(day for day in days if _is_stopped(day, passed, unfolded))


def refuse_stopped_days(
    context: dg.AssetExecutionContext, platform: Platform, last: dt.date
) -> None:
    """Looks whether lines up to a day may be used.

    Raises:
        StoppedDaysError: a day of them did not pass, or the run that read it ended before it was
            judged. One that is being read is that run's business.
    """
    days = days_between(platform.settings.start_date, last)
    instance = context.instance
    suspected = days_to_read_again(instance, days)
    passed = passed_what_blocks(instance, READ, suspected)
    unjudged = [day for day in suspected if passed[day] is None]
    going_on = {
        dt.date.fromisoformat(record.partition_key or "")
        for record in newest(instance, READ, unjudged)
        if (run := instance.get_run_by_id(record.run_id)) is not None and not run.is_finished
    }
    stopped = [day.isoformat() for day in suspected if day not in going_on]
    if stopped:
        more = len(stopped) - DAYS_NAMED
        named = ", ".join(stopped[:DAYS_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise StoppedDaysError(
            f"nothing is made of lines that did not pass their checks: source_orders of {named}. "
            "Put the mart right and read them again: materialize source_orders of them with its "
            f"checks, or `rfm refresh --as-of {stopped[-1]}`"
        )


def _is_stopped(
    day: dt.date, passed: dict[dt.date, bool | None], unfolded: Iterable[dt.date]
) -> bool:
    return passed[day] is False or (passed[day] is None and day in unfolded)
