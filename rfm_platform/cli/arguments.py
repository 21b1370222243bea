"""What people ask for: days, snapshots, views; and why it cannot be done.

What an answer needs is imported when it is asked for, as in the commands.
"""

import datetime as dt
import getpass
from enum import StrEnum
from typing import Annotated

import typer

from rfm_platform.settings import Settings


class Snapshots(StrEnum):
    """Which days get a snapshot of customers, scores and cohorts."""

    LAST = "last"
    MONTH_ENDS = "month-ends"
    ALL = "all"


class View(StrEnum):
    """What `rfm show` shows."""

    SEGMENTS = "segments"
    COHORTS = "cohorts"
    MONTHLY = "monthly"
    CHECKS = "checks"


class UsageError(Exception):
    """What a person asked for cannot be done: the sentence says why."""


def day_of(text: str) -> dt.date:
    """A day as people write it."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no day: write it as 2024-07-31") from None


FROM = typer.Option("--from", parser=day_of, metavar="YYYY-MM-DD", help="First day.")
TO = typer.Option("--to", parser=day_of, metavar="YYYY-MM-DD", help="Last day.")
SnapshotDay = Annotated[
    dt.date | None,
    typer.Option(parser=day_of, metavar="YYYY-MM-DD", help="A snapshot's day; else the newest."),
]

# So many take 0.6 GB for one thing alone: which customers have been seen.
Lines = Annotated[
    int | None,
    typer.Option(
        metavar="LINES", min=1, max=1_000_000_000, help="Invent so many order lines instead."
    ),
]
# A century: beyond two thousand years there would be no date for the first day.
Days = Annotated[
    int | None,
    typer.Option(min=1, max=36_500, help="Days that the invented orders cover; else two years."),
]
Seed = Annotated[
    int | None,
    typer.Option(min=-(2**63), max=2**63 - 1, help="The same seed invents the same orders."),
]


def account() -> str:
    """The name of who calls.

    Raises:
        UsageError: a pod's account may have none.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        raise UsageError("This account has no name. Say who takes the customers: --by.") from None


def newest_day(settings: Settings) -> dt.date:
    """The last day that is over.

    Raises:
        UsageError: none is.
    """
    from rfm_platform.partitions import daily_partitions

    newest = daily_partitions(settings).get_last_partition_key()
    if newest is None:
        raise UsageError(f"No day since {settings.start_date} (RFM_START_DATE) is over yet.")
    return dt.date.fromisoformat(newest)


def check_range(settings: Settings, first: dt.date, last: dt.date) -> None:
    """Raises a UsageError where days cannot be loaded."""
    check_order(first, last)
    start, end = settings.start_date, newest_day(settings)
    if first < start:
        raise UsageError(f"{first} lies before the first partition, {start} (RFM_START_DATE).")
    if last > end:
        raise UsageError(
            f"{last} lies after the last partition, {end}: a day must be over to be loaded."
        )


def check_order(first: dt.date, last: dt.date) -> None:
    """Raises a UsageError where a range ends before it begins."""
    if last < first:
        raise UsageError(f"--to {last} lies before --from {first}.")
