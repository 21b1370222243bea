"""`rfm explain`: marketplace, month, day, order: where the tables differ from the mart, and why."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from rfm_platform.calendar import days_between, last_day
from rfm_platform.cli.arguments import check_order
from rfm_platform.cli.progress import bar, titled
from rfm_platform.reconcile.bisection import explain_days
from rfm_platform.reconcile.sides import last_loaded, reconcile_days, reconcile_months
from rfm_platform.reconcile.totals import Difference
from rfm_platform.settings import Settings
from rfm_platform.wiring import Platform, build_platform

DAYS_SHOWN = 50


def show_differences(
    settings: Settings, console: Console, first: dt.date | None, last: dt.date | None
) -> bool:
    """Prints what differs; whether days were compared, and nothing does.

    Args:
        first: None: the start of the window that every morning looks at.
        last: None: the last loaded day.

    Raises:
        UsageError: the last day lies before the first.
    """
    if first and last:
        check_order(first, last)
    platform = build_platform(settings)
    days = _days(platform, first, last)
    if not days:
        console.print("No day is loaded there: nothing was compared.")
        return False
    with bar(console) as progress:
        task = progress.add_task("months", total=3)
        months = sorted({day.replace(day=1) for day in days})
        in_months = reconcile_months(
            platform.mart,
            platform.lake,
            platform.engine,
            platform.warehouse,
            months,
            loaded=days,
        ).differences
        progress.update(task, advance=1, description="days")
        in_days = reconcile_days(platform.mart, platform.lake, platform.engine, days).differences
        progress.update(task, advance=1, description="orders")
        explained = explain_days(platform.mart, platform.lake, platform.engine, in_days)
        progress.update(task, advance=1, description="done")
    if not in_months and not in_days:
        console.print(f"Every day from {days[0]} to {days[-1]} equals the mart.")
        return True
    _print(console, "Published months that are not what the mart holds now", _rows(in_months))
    _print(console, "Days that are not what the mart holds now", _rows(in_days))
    rows = [
        {name: value for name, value in explanation.row().items() if name != "month"}
        for explanation in explained.explanations
    ]
    _print(console, f"Orders: {explained.summary}", rows)
    if in_days:
        console.print("`rfm refresh` reads changed days again and recomputes what depends on them.")
    elif in_months:
        console.print("The days are right and their months are not: `rfm materialize` them again.")
    return False


def _days(platform: Platform, first: dt.date | None, last: dt.date | None) -> list[dt.date]:
    """The days to compare, of whole months, because months are compared whole.

    Those without a line in the lake are among them: one may have come since.
    """
    lake, settings = platform.lake.source_orders, platform.settings
    newest = last_loaded(platform.lake, platform.warehouse)
    if newest is None:
        return []
    end = min(last or newest, newest)
    start = first or end - dt.timedelta(days=settings.lookback_days)
    if start > end:
        return []
    month, end = start.replace(day=1), min(last_day(end), newest)
    # Days before a later RFM_START_DATE stay in the tables.
    earlier = {day.value for day in lake.partitions(month, end)}
    return sorted(earlier.union(days_between(max(month, settings.start_date), end)))


def _rows(differences: Iterable[Difference]) -> list[Mapping[str, object]]:
    return [difference.row() for difference in differences]


def _print(console: Console, title: str, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    table = titled(title)
    for name in rows[0]:
        table.add_column(name, overflow="fold", no_wrap=name in ("day", "period", "order", "why"))
    for row in rows[:DAYS_SHOWN]:
        table.add_row(*(escape(str(value)) for value in row.values()))
    console.print(table)
    if len(rows) > DAYS_SHOWN:
        console.print(f"… and {len(rows) - DAYS_SHOWN} more")
