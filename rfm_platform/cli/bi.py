"""`rfm bi`: moving the BI platform's database, and the drill that proves its backups."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from rfm_platform.cli.bi_results import COLOURS, show_findings, show_verification
from rfm_platform.cli.progress import titled
from rfm_platform.errors import PlatformError
from rfm_platform.home import make_home
from rfm_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from rfm_platform.bi_database.move import Move

bi = typer.Typer(
    help="Move the BI platform's database: identify, dump, restore, verify, prove.",
    no_args_is_help=True,
)
console = Console()
Dump = Annotated[
    Path | None, typer.Argument(metavar="[DUMP]", help="A dump's directory; else the newest.")
]


@bi.command()
def find(
    host: Annotated[str, typer.Argument(help="The old server, as for ssh; or localhost.")],
    engine: Annotated[str, typer.Option(help="The container engine there.")] = "docker",
) -> None:
    """List the databases in a server's containers, and how to reach them."""
    from rfm_platform.bi_database.finder import find_databases

    with console.status(f"asking {escape(host)}"):
        found = find_databases(host, engine)
    if not found:
        console.print(f"No running container on {escape(host)} answers as PostgreSQL.")
        raise typer.Exit(1)
    table = titled(f"Databases in containers on {host}")
    for name in ("container", "image", "PostgreSQL", "database", "MB", "role"):
        table.add_column(name, justify="right" if name == "MB" else "left")
    for each in found:
        size = f"{each.bytes / 1e6:,.1f}"
        texts = (each.container, each.image, each.version, each.database, size, each.user)
        table.add_row(*map(escape, texts))
    console.print(table)
    console.print("To reach the largest:", highlight=False)
    command, user, database = map(escape, (found[0].command, found[0].user, found[0].database))
    console.print(f"  export RFM_BI_SOURCE_COMMAND='{command}'", soft_wrap=True)
    console.print(f"  export RFM_BI_SOURCE_USER={user}")
    console.print(f"  export RFM_BI_SOURCE_DATABASE={database}")


@bi.command()
def inventory() -> None:
    """Show what the database is and holds: tables, objects, the application and its schema."""
    from rfm_platform.bi_database import redash
    from rfm_platform.bi_database.overview import facts_of, tables_of
    from rfm_platform.bi_database.state import read_definitions
    from rfm_platform.wiring.bi_database import bi_source

    source = bi_source(load_settings())
    with console.status("reading"), source.session() as session:
        state = read_definitions(session)
        application = redash.read_application(session, state)
    table = titled(source.label)
    table.show_header = False
    for name, value in facts_of(state, application).items():
        table.add_row(name, escape(value))
    console.print(table)
    table = titled("Tables, largest first")
    for name in ("table", "kind", "rows, about", "MB"):
        table.add_column(name, justify="left" if name in ("table", "kind") else "right")
    for row in tables_of(state)[:40]:
        rows = "" if row["rows_about"] is None else f"{row['rows_about']:,}"
        table.add_row(escape(row["table"]), row["kind"], rows, f"{row['bytes'] / 1e6:,.2f}")
    console.print(table)


@bi.command()
def dump() -> None:
    """Dump one consistent snapshot into today's directory, with a manifest of what it held."""
    from rfm_platform.wiring.bi_database import bi_drill

    settings = _settings_with_home()
    move = bi_drill(settings, dt.datetime.now().astimezone().date().isoformat())
    with console.status("dumping") as status:
        manifest = move.make_dump(_telling(status))
    console.print(f"{manifest.summary}: {move.directory}", soft_wrap=True, markup=False)
    for text in move.remove_old_dumps(settings.bi_keep_dumps):
        console.print(text, markup=False)


@bi.command()
def restore(
    dump_directory: Dump = None,
    replace_target: Annotated[
        bool, typer.Option("--replace", help="Remove what the target holds first.")
    ] = False,
) -> None:
    """Restore a dump into RFM_BI_TARGET_URL; goes on if this command is ended, and is taken up."""
    from rfm_platform.bi_database.restore import in_words
    from rfm_platform.wiring.bi_database import bi_move

    move = bi_move(_settings_with_home(), replace=replace_target)
    move = replace(move, directory=dump_directory or _newest_dump())
    _tell_dump(move)
    with console.status("looking at the target") as status:
        findings = move.restore_dump(lambda *state: status.update(escape(in_words(*state))))
    show_findings(console, findings)
    console.print(f"Restored into {escape(move.target.label)}. Now: rfm bi verify", soft_wrap=True)


@bi.command()
def verify(dump_directory: Dump = None) -> None:
    """Compare RFM_BI_TARGET_URL with what the dump's snapshot held: every row, every object."""
    from rfm_platform.wiring.bi_database import bi_move

    move = replace(bi_move(_settings_with_home()), directory=dump_directory or _newest_dump())
    _tell_dump(move)
    with console.status("reading") as status:
        found = move.verify(_telling(status))
    show_verification(console, found)
    if not found.passed:
        raise typer.Exit(1)


@bi.command()
def migrate(
    until: Annotated[str, typer.Option(help="The last gate to go through.")] = "smoke",
    again: Annotated[
        str | None, typer.Option(help="Go through this gate and the following ones once more.")
    ] = None,
    replace_target: Annotated[
        bool, typer.Option("--replace", help="Remove what the target holds first.")
    ] = False,
) -> None:
    """Walk through the whole move, gate by gate; run it again to go on where it stopped."""
    from rfm_platform.bi_database.migrate import GATES, read_journal
    from rfm_platform.bi_database.migrate import migrate as walk
    from rfm_platform.bi_database.report import write_report
    from rfm_platform.wiring.bi_database import bi_move

    for name in (until, again or until):
        if name not in GATES:
            raise typer.BadParameter(f"{name} is no gate: they are {', '.join(GATES)}")
    move = bi_move(_settings_with_home(), replace=replace_target)
    with console.status("starting") as status:
        for gate in walk(move, until, again, _telling(status)):
            colour = COLOURS[gate.state]
            console.print(
                f"[{colour}]{gate.state:<8}[/] {gate.name:<12} {gate.seconds:6.1f} s  "
                f"{escape(gate.text)}",
                highlight=False,
            )
    page = write_report(move)
    console.print(f"Report: {page}", soft_wrap=True, markup=False)
    journal = read_journal(move)
    if journal.failed is not None:
        raise typer.Exit(1)
    if not journal.is_done:
        console.print("Gates are open: run it again to go on.")


@bi.command()
def smoke(
    after_restart: Annotated[
        bool, typer.Option(help="Look whether the query that was saved is still there.")
    ] = False,
) -> None:
    """Do on the started Redash (RFM_REDASH_URL) what people do: sources, queries, dashboards."""
    from rfm_platform.bi_database.smoke import smoke_test
    from rfm_platform.wiring.redash import required_server

    settings = _settings_with_home()
    server = required_server(settings)
    with console.status(f"asking {escape(server.url)}"):
        findings = smoke_test(
            server, settings.home / "bi_move" / "smoke.json", after_restart=after_restart
        )
    show_findings(console, findings)
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(1)


@bi.command()
def values() -> None:
    """Print what the move knows of the new Redash, as values for its Helm chart."""
    from rfm_platform.bi_database.values import chart_values
    from rfm_platform.wiring.bi_database import bi_move

    settings = load_settings()
    typer.echo(chart_values(bi_move(settings), settings.redash_url), nl=False)


def _settings_with_home() -> Settings:
    """For who writes below the home: made here, it is closed to other accounts."""
    settings = load_settings()
    make_home(settings.home)
    return settings


def _newest_dump() -> Path:
    from rfm_platform.bi_database.kept import newest_dump
    from rfm_platform.wiring.bi_database import bi_dumps

    place = bi_dumps(load_settings())
    newest = newest_dump(place)
    if newest is None:
        raise PlatformError(f"There is no dump in {place}: run `rfm bi dump` first.")
    return newest


def _tell_dump(move: "Move") -> None:
    """Which dump it is about: nobody named it where the newest was taken."""
    ended = move.manifest().ended.astimezone()
    console.print(
        f"Dump: {move.directory}, ended {ended:%Y-%m-%d %H:%M:%S %Z}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def _telling(status: Status) -> Callable[[str], None]:
    return lambda text: status.update(escape(text))
