"""`rfm redash`: dashboards in Redash, from a declaration, like a deployment."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from rfm_platform.errors import PlatformError
from rfm_platform.settings import load_settings

if TYPE_CHECKING:
    from rfm_platform.dashboards.redash.plan import Change
    from rfm_platform.dashboards.redash.proof import Proof
    from rfm_platform.dashboards.redash.provision import Provisioner

redash = typer.Typer(
    help="Provision dashboards in Redash from their declaration, and prove their figures.",
    no_args_is_help=True,
)
console = Console()
SIGNS = {
    "create": "[green]+[/] create",
    "update": "[yellow]~[/] update",
    "record": "[dim]=[/] note  ",
    "edited": "[red]![/] edited",
    "retire": "[red]-[/] retire",
    "release": "[dim]-[/] let go",
}
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Undo what people edited in Redash.")]


@redash.command("plan")
def show_plan(overwrite: Overwrite = False) -> None:
    """Show what apply would do, and what people have edited; exit code 2 if there is something."""
    the = _provisioner()
    with console.status(f"asking {escape(the.redash.url)}"):
        changes = the.read().plan(overwrite=overwrite)
        the.refuse_bad_shapes()
    for change in changes:
        _show(change)
    _sum_up(changes)
    if changes:
        raise typer.Exit(2)


@redash.command()
def apply(overwrite: Overwrite = False) -> None:
    """Bring Redash to the declaration and prove its figures; Dagster's UI shows the run."""
    from rfm_platform.cli.steps import run_steps
    from rfm_platform.runs import plan_redash
    from rfm_platform.wiring import build_platform

    settings = load_settings()
    published = build_platform(settings).lake.rfm_segments.partitions()
    if not published:
        raise PlatformError("Nothing is published yet that could be shown: `rfm materialize`.")
    the = _provisioner()
    with console.status(f"asking {escape(the.redash.url)}"):
        changes = the.read().plan(overwrite=overwrite)
    for change in changes:
        _show(change)
    if not run_steps(settings, plan_redash(published[-1].value, overwrite=overwrite), console):
        raise typer.Exit(1)
    _sum_up(changes, done=True)


@redash.command()
def check() -> None:
    """Have Redash run every query and compare its results with the warehouse, value by value."""
    the = _provisioner()
    with console.status("asking") as status:
        proofs = the.prove(lambda key: status.update(f"running {key}"))
    _show_proofs(proofs)
    if any(proof.state != "equal" for proof in proofs):
        raise typer.Exit(1)


@redash.command()
def export(
    directory: Annotated[Path, typer.Argument(help="Where to: a directory for YAML and SQL.")],
    dashboard: Annotated[
        list[str] | None,
        typer.Option(
            help="Its name or number; repeatable. Else all published that are not managed."
        ),
    ] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Manage them from the declaration from now on.")
    ] = False,
) -> None:
    """Write dashboards that people made as a declaration, to be versioned; no secrets in it."""
    from rfm_platform.dashboards.redash.export import export as read_dashboards

    the = _provisioner()
    with console.status(f"reading {escape(the.redash.url)}"):
        found = read_dashboards(the, dashboard or ())
    declaration = found.write(directory, "dashboards")
    if adopt:
        replace(the, declaration=declaration).adopt(found.numbers)
    for note in found.notes:
        console.print(f"[yellow]note[/] {escape(note)}", highlight=False)
    console.print(
        f"{len(found.dashboards)} dashboards and {len(found.queries)} queries are in {directory}. "
        f"RFM_REDASH_DASHBOARDS={directory} adds them to what `rfm redash apply` provisions"
        + (
            ", without making them anew. An apply without it lets them go, as they are."
            if adopt
            else ", as new ones."
        ),
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _provisioner() -> "Provisioner":
    from rfm_platform.wiring import build_platform
    from rfm_platform.wiring.redash import provisioner

    return provisioner(build_platform(load_settings()))


def _show(change: "Change") -> None:
    console.print(
        f"{SIGNS[change.action]} {change.address.kind:<13} {escape(change.address.key)}",
        highlight=False,
    )
    if change.action in ("update", "edited"):
        for difference in change.differences:
            for line in difference.lines:
                console.print(f"      {escape(line)}", highlight=False, soft_wrap=True)


def _sum_up(changes: "Sequence[Change]", *, done: bool = False) -> None:
    if not changes:
        console.print("Redash is as declared: nothing to do.")
        return
    counts = {action: sum(c.action == action for c in changes) for action in SIGNS}
    words = {
        "create": "created" if done else "to create",
        "update": "updated" if done else "to update",
        "record": "noted" if done else "to note",
        "retire": "put away" if done else "to put away",
        "release": "let go, as they are" if done else "to let go, as they are",
        "edited": "edited by people, left as they are (--overwrite undoes that)",
    }
    said = [f"{counts[action]} {text}" for action, text in words.items() if counts[action]]
    console.print("; ".join(said), highlight=False)


def _show_proofs(proofs: "Sequence[Proof]") -> None:
    colours = {"equal": "green", "differs": "red", "not compared": "yellow"}
    for proof in proofs:
        console.print(
            f"[{colours[proof.state]}]{proof.state:<12}[/] {proof.query:<20} {escape(proof.text)}",
            highlight=False,
            soft_wrap=True,
        )
