"""How tables and progress look in a terminal; imported by `--help`, so nothing heavy is."""

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

_UNBOUNDED = 10_000  # columns


def titled(title: str) -> Table:
    """A table without columns yet, as all of them look."""
    return Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")


def print_whole(console: Console, table: Table) -> None:
    """Prints a table of figures, wider than the console where they do not fit: none is cut off.

    Columns of figures must not wrap; the others give way first.
    """
    unbounded = console.options.update_width(_UNBOUNDED)
    needed = Measurement.get(console, unbounded, table).minimum
    if needed > console.width:
        table.width = needed
    console.print(table, crop=False)


def bar(console: Console) -> Progress:
    """A progress bar with counts and times."""
    return Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
