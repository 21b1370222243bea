"""`rfm report`: where a snapshot's report is."""

import datetime as dt
import webbrowser

from rich.console import Console

from rfm_platform.cli.arguments import check_range
from rfm_platform.errors import PlatformError
from rfm_platform.settings import Settings
from rfm_platform.wiring import build_platform


class NoReportError(PlatformError):
    """There is no report of that day."""


def show_report(
    settings: Settings, console: Console, as_of: dt.date | None, *, open_it: bool
) -> None:
    """Prints the path of a report, and opens it if asked to.

    Args:
        as_of: the snapshot's day; None: the newest that has a report.

    Raises:
        NoReportError: there is none; what to do about it.
        UsageError: there never can be one of that day.
    """
    reports = build_platform(settings).reports
    newest = reports.newest()
    day = as_of or newest
    if day is None or not reports.path(day).exists():
        if day is not None:
            check_range(settings, day, day)
        raise NoReportError(
            f"There is no report{f' of {day}' if day else ''}."
            f"{f' The newest is as of {newest}.' if newest else ''} `rfm materialize --from … "
            f"--to {day or '…'}` takes a snapshot and writes one; or materialize customer_report."
        )
    path = reports.path(day).resolve()
    console.print(
        f"\nThe report as of {day}:\n  {path}", highlight=False, soft_wrap=True, markup=False
    )
    if open_it and not webbrowser.open(path.as_uri()):
        raise NoReportError(f"No browser could be started here. Open {path} in one.")
