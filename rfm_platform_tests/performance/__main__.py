"""`python -m rfm_platform_tests.performance LINES…` measures; `--page` writes the last run anew."""

import json
import subprocess
import sys
from importlib.metadata import version

import psutil
from rich.console import Console
from rich.table import Table

from rfm_platform_tests.performance import goals, page
from rfm_platform_tests.performance.lab import (
    DAYS,
    MEMORY_LIMIT_MB,
    PEER_BOUNDS,
    PEERS_PYTHON,
    Size,
    measure_size,
)
from rfm_platform_tests.performance.measuring import ROOT
from rfm_platform_tests.performance.peers import PEERS
from rfm_platform_tests.performance.stages import PSQL

DOCS = ROOT / "docs"
HEADINGS = ("wall s", "CPU s", "CPU ÷", "peak MB", "server MB", "read MB", "written MB")


def versions() -> dict[str, str]:
    """Of every tool that takes part, asked of the environment that it runs in."""
    found = {"Python": sys.version.split()[0]}
    psql = subprocess.run([PSQL, "--version"], check=True, capture_output=True, text=True)
    found["PostgreSQL"] = psql.stdout.split()[-1]
    for peer in PEERS:
        if peer.is_apart:
            script = (
                "import importlib.metadata as m, json, sys;"
                "print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
            )
            command = [str(PEERS_PYTHON), "-c", script, *peer.packages]
            said = subprocess.run(command, check=True, capture_output=True, text=True)
            found |= json.loads(said.stdout)
        else:
            found |= {package: version(package) for package in peer.packages}
    return found


def measure(sizes: list[int], console: Console) -> None:
    """All sizes, smallest first; the page is written after each, so that a later one may fail.

    Other sizes stay in it as they were measured, with the same tools on such a machine.
    """
    record = page.Record(
        cores=psutil.cpu_count(),
        memory=round(psutil.virtual_memory().total / 1e9),
        versions=versions(),
        days=DAYS,
        memory_limit_mb=MEMORY_LIMIT_MB,
        bound_mb=int(PEER_BOUNDS.memory),
        bound_seconds=int(PEER_BOUNDS.seconds),
        sizes=[],
    )
    for lines in sorted(sizes):

        def say(what: str, lines: int = lines) -> None:
            console.log(f"{lines:,} lines: {what}", highlight=False)

        size = measure_size(lines, say)
        show(size, Console())
        record.sizes.append(size)
        page.write(record.keep(page.read(DOCS)), DOCS)


def show(size: Size, console: Console) -> None:
    """The tables of a size, and what became of each goal."""
    tables = {"stage": page.stage_rows(size)}
    if size.peers:
        tables["tool"] = page.peer_rows(size)
    for title, rows in tables.items():
        table = Table(title=f"{size.lines:,} lines")
        table.add_column(title, no_wrap=True)
        for heading in HEADINGS:
            table.add_column(heading, justify="right")
        for row in rows:
            table.add_row(*(cell.strip("*") for cell in row))
        console.print(table)
    for verdict in goals.judge([size]):
        if verdict.lines == size.lines:
            words = page.words(verdict).replace("*", "")
            console.print(f"{verdict.goal}, aim {verdict.aim}: {words}")


def main() -> None:
    """Measures and writes docs/performance.*."""
    arguments = sys.argv[1:]
    if arguments == ["--page"]:
        page.write(page.read(DOCS), DOCS)
    else:
        measure([int(lines) for lines in arguments], Console(stderr=True))


if __name__ == "__main__":
    main()
