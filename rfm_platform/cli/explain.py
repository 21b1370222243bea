"""`rfm explain`: marketplace, month, day, order: where the tables differ from the mart, and why."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from rfm_platform.cli.progress import bar, titled
from rfm_platform.reconcile.bisection import explain_days
from rfm_platform.reconcile.sides import reconcile_days, reconcile_months
from rfm_platform.reconcile.totals import Difference
from rfm_platform.settings import Settings
from rfm_platform.wiring import build_platform

DAYS_SHOWN = 50


def show_differences(
    settings: Settings, console: Console, first: dt.date | None, last: dt.date | None
) -> bool:
    """Prints what differs; whether nothing does.

    Args:
        first: None: the start of the window that every morning looks at.
        last: None: the last loaded day.
    """
    platform = build_platform(settings)
    loaded = [day.value for day in platform.lake.source_orders.partitions(None, last)]
    if loaded:
        start = first or loaded[-1] - dt.timedelta(days=settings.lookback_days)
        loaded = [day for day in loaded if day >= start]
    if not loaded:
        console.print("No day is loaded there.")
        return True
    with bar(console) as progress:
        task = progress.add_task("months", total=3)
        months = sorted({day.replace(day=1) for day in loaded})
        in_months = reconcile_months(
            platform.mart, platform.lake, platform.engine, platform.warehouse, months
        ).differences
        progress.update(task, advance=1, description="days")
        in_days = reconcile_days(platform.mart, platform.lake, platform.engine, loaded).differences
        progress.update(task, advance=1, description="orders")
        explained = explain_days(platform.mart, platform.lake, platform.engine, in_days)
        progress.update(task, advance=1, description="done")
    if not in_months and not in_days:
        console.print(f"Every day from {loaded[0]} to {loaded[-1]} equals the mart.")
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
