"""The move as a page for those who have to agree to it, and as JSON for machines."""

import datetime as dt
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rfm_platform.bi_database.journal import Journal
from rfm_platform.bi_database.manifest import NAME, Manifest
from rfm_platform.bi_database.migrate import read_journal
from rfm_platform.bi_database.move import Move
from rfm_platform.bi_database.private_file import write_private

HTML, JSON = "report.html", "report.json"


def write_report(move: Move) -> Path:
    """Writes the report of a move as it stands; returns the page's path."""
    journal = read_journal(move)
    manifest = move.manifest() if (move.directory / NAME).exists() else None
    move.work.mkdir(parents=True, exist_ok=True, mode=0o700)
    page = move.work / HTML
    write_private(page, render(journal, manifest, dt.datetime.now().astimezone()))
    write_private(move.work / JSON, journal.model_dump_json(indent=1))
    return page


def render(journal: Journal, manifest: Manifest | None, at: dt.datetime) -> str:
    """The page, in one file that asks for no other."""
    environment = Environment(
        loader=PackageLoader("rfm_platform.bi_database", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        journal=journal,
        manifest=manifest,
        at=at,
        seconds=sum(gate.seconds for gate in journal.gates),
    )
