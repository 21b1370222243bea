"""How tables and progress look in a terminal; imported by `--help`, so nothing heavy is."""

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table


def titled(title: str) -> Table:
    """A table without columns yet, as all of them look."""
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")


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
