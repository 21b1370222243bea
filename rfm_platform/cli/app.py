"""The commands of `rfm` and their options.

What a command needs is imported when it runs: `rfm --help` does not wait for Dagster.
"""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from rfm_platform.cli.arguments import (
    FROM,
    TO,
    Days,
    Lines,
    Seed,
    SnapshotDay,
    Snapshots,
    View,
    account,
    check_range,
    day_of,
    newest_day,
)
from rfm_platform.cli.bi import bi
from rfm_platform.cli.redash import redash
from rfm_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from rfm_platform.runs import Step

app = typer.Typer(
    help="Who our customers are, and whether they come back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(bi, name="bi")
app.add_typer(redash, name="redash")
console = Console()
STARTING = "starting"  # shown on a terminal while Dagster is imported: seconds, on a busy machine


@app.command()
def demo(
    synthetic: Lines = None,
    days: Days = None,
    seed: Seed = None,
) -> None:
    """Load orders into the embedded data mart and run the whole chain over them.

    Without options: a year of real orders from 2,469 households.
    """
    settings = load_settings()
    from rfm_platform.cli import demo as demo_command
    from rfm_platform.cli import show as tables
    from rfm_platform.cli.report import show_report
    from rfm_platform.runs import plan

    demo_command.refuse_what_does_not_fit(settings, lines=synthetic, days=days, seed=seed)
    settings = demo_command.load(settings, console, lines=synthetic, days=days, seed=seed)
    steps = plan(settings.start_date, settings.end_date or settings.start_date, "month-ends")
    _run(settings, steps)
    tables.show_segments(settings, console)
    tables.show_cohorts(settings, console)
    tables.show_checks(settings, console)
    demo_command.show_next_steps(settings, console)
    if settings.analyses:
        show_report(settings, console, None, open_it=False)
    else:
        console.print("\nThere is no report: RFM_ANALYSES is false.", highlight=False)


@app.command()
def materialize(
    first: Annotated[dt.date, FROM],
    last: Annotated[dt.date, TO],
    snapshots: Annotated[
        Snapshots,
        typer.Option(help="Days that get customers, scores and cohorts. The last always does."),
    ] = Snapshots.MONTH_ENDS,
) -> None:
    """Read days from the mart, fold them into months, take snapshots, publish and check."""
    settings = load_settings()
    from rfm_platform.runs import plan

    check_range(settings, first, last)
    _run(settings, plan(first, last, snapshots.value))


@app.command()
def refresh(
    as_of: Annotated[
        dt.date | None,
        typer.Option(parser=day_of, metavar="YYYY-MM-DD", help="The day; else the last one over."),
    ] = None,
    all_days: Annotated[
        bool,
        typer.Option("--all", help="Look for late changes on all days, not only the last ones."),
    ] = False,
) -> None:
    """Bring every table up to a day: late changes and missing days, snapshot, publish, check."""
    settings = load_settings()
    from rfm_platform.cli.steps import refresh_steps

    day = as_of or newest_day(settings)
    check_range(settings, day, day)
    _run(settings, refresh_steps(settings, day, all_days=all_days))


def _run(settings: Settings, steps: "list[Step]") -> None:
    with console.status(STARTING):
        from rfm_platform.cli.steps import run_steps

    if not run_steps(settings, steps, console):
        raise typer.Exit(1)


@app.command()
def show(
    view: Annotated[View, typer.Argument(help="Which table.")],
    as_of: SnapshotDay = None,
) -> None:
    """Show segments with their actions, the retention of cohorts, months, or checks."""
    with console.status(STARTING):
        from rfm_platform.cli.show import show_view

    show_view(load_settings(), console, view, as_of)


@app.command()
def report(
    as_of: SnapshotDay = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Say where a snapshot's report is: the page that marketers read."""
    from rfm_platform.cli.report import show_report

    show_report(load_settings(), console, as_of, open_it=open_it)


@app.command()
def audience(
    output: Annotated[Path, typer.Argument(help="Where to: a .csv or .parquet file.")],
    segment: Annotated[str, typer.Option(help="The segment, as `rfm show segments` names it.")],
    purpose: Annotated[str, typer.Option(help="What the customers are wanted for.")],
    marketplace: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    action: Annotated[str | None, typer.Option(help="What is done; else the segment's.")] = None,
    by: Annotated[str | None, typer.Option(help="Who takes them; else this account.")] = None,
    as_of: SnapshotDay = None,
) -> None:
    """Write a segment's customers to a file for activation, with a receipt."""
    from rfm_platform.wiring import build_platform

    platform = build_platform(load_settings())
    receipt = platform.audiences.export(
        output,
        segment=segment,
        marketplace=marketplace,
        segments=platform.segments(),
        action=action,
        purpose=purpose,
        by=by or account(),
        as_of=as_of,
    )
    console.print(
        f"{receipt['customers']:,} customers of {escape(segment)} as of {receipt['as_of_date']} "
        f"are in {escape(str(output))}; the receipt lies beside it and in rfm.audiences.",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def explain(
    first: Annotated[dt.date | None, FROM] = None,
    last: Annotated[dt.date | None, TO] = None,
) -> None:
    """Compare loaded days with the mart as it is now, down to the orders that differ, and why.

    Without options: the last days that are loaded, as many as every morning looks at. In any case
    the other days of their months too. The exit code is 1 if something differs, or nothing was
    compared.
    """
    from rfm_platform.cli.explain import show_differences

    if not show_differences(load_settings(), console, first, last):
        raise typer.Exit(1)


@app.command()
def verify(as_of: SnapshotDay = None) -> None:
    """Rebuild everything from the source, aside, and compare it with what is published.

    The exit code is 1 if something differs, or there is nothing to compare.
    """
    from rfm_platform.cli.verify import verify as verify_tables

    if not verify_tables(load_settings(), console, as_of):
        raise typer.Exit(1)


@app.command()
def maintain() -> None:
    """Remove old lake versions, leftovers of killed runs, and old logs. Tables stay as they are."""
    settings = load_settings()
    from rfm_platform.automation.instance import open_instance
    from rfm_platform.automation.maintenance import maintain as remove_what_is_old
    from rfm_platform.wiring import build_platform

    with open_instance(settings) as instance:
        console.print(escape(remove_what_is_old(instance, build_platform(settings)).summary))


@app.command()
def status() -> None:
    """Show whether servers answer, the last loaded days and checks that fail.

    The exit code is 1 if a server does not answer.
    """
    with console.status(STARTING):
        from rfm_platform.cli.status import show_status

    if not show_status(load_settings(), console):
        raise typer.Exit(1)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 3000,
) -> None:
    """Open Dagster's web UI on this machine, with the runs of this home."""
    from rfm_platform.cli.ui import open_ui

    open_ui(load_settings(), console, port)


@app.command()
def stop() -> None:
    """Stop the embedded PostgreSQL server of this home."""
    from rfm_platform.postgres.embedded import EmbeddedServer

    stopped = EmbeddedServer(load_settings().home).stop()
    console.print("Stopped." if stopped else "It was not running.")
