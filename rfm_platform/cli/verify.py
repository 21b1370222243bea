"""`rfm verify`: everything once more from the source, aside, and row by row against the tables."""

import datetime as dt
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from rfm_platform.calendar import days_between, last_day
from rfm_platform.cli.progress import bar, print_whole, titled
from rfm_platform.lake import Lake
from rfm_platform.reconcile.rebuild import STEPS, VERIFICATION, Comparison, Rebuild
from rfm_platform.reconcile.sides import last_loaded
from rfm_platform.settings import Settings
from rfm_platform.wiring import Platform, build_platform


def verify(settings: Settings, console: Console, as_of: dt.date | None) -> bool:
    """Prints how each published table compares with its rebuild; whether all are equal.

    Args:
        as_of: a snapshot's day; None: the newest.
    """
    platform = build_platform(settings)
    snapshots = [snapshot.value for snapshot in platform.lake.rfm_scores.partitions()]
    day = as_of or (snapshots[-1] if snapshots else None)
    if day is None or day not in snapshots:
        console.print(f"There is no snapshot{f' as of {day}' if day else ''} to verify.")
        return False
    days = _days(platform, day)
    directory = Path(tempfile.mkdtemp(prefix=VERIFICATION, dir=settings.home))
    try:
        # By DuckDB, whoever computed what is published.
        aside = replace(platform, lake=Lake(directory), transform_engine=platform.engine)
        rebuild = Rebuild(aside.extraction, aside.transforms, aside.publisher)
        with bar(console) as progress:
            task = progress.add_task(STEPS[0], total=len(STEPS))

            def show(step: str) -> None:
                progress.update(task, completed=STEPS.index(step), description=step)

            rebuild.build(
                platform.mart,
                days,
                day,
                platform.segments(),
                per_marketplace=settings.quartiles_per_marketplace,
                progress=show,
            )
            comparisons = rebuild.compare(day, show)
            progress.update(task, completed=len(STEPS), description="done")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    _print(console, comparisons, day, is_newest=day == snapshots[-1])
    return all(comparison.is_equal for comparison in comparisons)


def _days(platform: Platform, as_of: dt.date) -> list[dt.date]:
    """From the first loaded day to the last one up to the end of the snapshot's month.

    Those without a line in the lake are among them: one may have come since.
    """
    end = last_day(as_of)
    loaded = [day.value for day in platform.lake.source_orders.partitions(None, end)]
    last = last_loaded(platform.lake, platform.warehouse) or as_of
    return days_between(min(loaded, default=as_of), max(as_of, min(last, end)))


def _print(
    console: Console, comparisons: list[Comparison], day: dt.date, *, is_newest: bool
) -> None:
    table = titled(f"Rows published as of {day}, against a rebuild from the source as it stands")
    for name in ("table", "rebuilt", "missing", "extra"):
        table.add_column(name, justify="left" if name == "table" else "right", no_wrap=True)
    for each in comparisons:
        table.add_row(each.table, f"{each.rows:,}", f"{each.missing:,}", f"{each.extra:,}")
    print_whole(console, table)
    if all(comparison.is_equal for comparison in comparisons):
        console.print("Every row is what a rebuild gives.")
    elif is_newest:
        console.print("`rfm refresh --all` brings the tables up to the source; then verify again.")
    else:
        console.print(
            "This is not the newest snapshot: it stays as it was reported until it is restated. "
            "`rfm refresh --all` brings days and months up to the source, and then "
            f"`rfm materialize --from {day} --to {day}` takes this snapshot again; then verify.",
            highlight=False,
        )
