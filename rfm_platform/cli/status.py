"""`rfm status`: whether servers answer, up to which day things are, and what is wrong."""

import dagster as dg
from rich.console import Console
from rich.markup import escape

from rfm_platform.automation.instance import open_instance
from rfm_platform.cli.progress import titled
from rfm_platform.cli.show import ORDER, show_checks
from rfm_platform.cli.untouched import NOTHING, is_untouched
from rfm_platform.postgres import Database, DatabaseError
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import Settings
from rfm_platform.wiring import build_platform

ASSETS = ORDER[2:-4]
STATUS_TIMEOUT_SECONDS = 5


def show_status(settings: Settings, console: Console) -> bool:
    """Servers, newest partitions, failed checks; whether every server that has a URL answers."""
    platform = build_platform(settings)
    console.print(f"home        {escape(str(settings.home))}", highlight=False)
    servers = (
        ("data mart", platform.mart.database, settings.source_url),
        ("warehouse", platform.warehouse.database, settings.warehouse_url),
    )
    problems = [_problem(database) if url else None for _, database, url in servers]
    for (name, database, _), problem in zip(servers, problems, strict=True):
        text = f"[red]{escape(problem)}[/]" if problem else escape(database.label)
        console.print(f"{name:<12}{text}", highlight=False)
    server = EmbeddedServer(settings.home).status()
    state = f"running, process {server.pid}" if server.running else "not running"
    console.print(f"embedded    {state}", highlight=False)
    if is_untouched(settings):
        console.print(NOTHING)
        return not any(problems)
    table = titled("Partitions")
    for name in ("asset", "days", "first", "last"):
        table.add_column(name, justify="right" if name == "days" else "left")
    with open_instance(settings) as instance:
        for asset in ASSETS:
            days = sorted(instance.get_materialized_partitions(dg.AssetKey(asset)))
            table.add_row(asset, f"{len(days):,}", *(days[:1] + days[-1:] if days else ("", "")))
    console.print(table)
    show_checks(settings, console)
    return not any(problems)


def _problem(database: Database) -> str | None:
    """Why a server does not let us in; None: it does."""
    try:
        with database.connect(connect_timeout_seconds=STATUS_TIMEOUT_SECONDS):
            return None
    except DatabaseError as error:
        return str(error)
