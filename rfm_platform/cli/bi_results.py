"""What `rfm bi` found, for people: findings by gate, and a comparison table by table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from rfm_platform.cli.progress import titled

if TYPE_CHECKING:
    from rfm_platform.bi_database.results import Finding, Verification

COLOURS = {
    "passed": "green",
    "validated": "green",
    "failed": "red",
    "mismatched": "red",
    "no key": "red",
    "error": "red",
    "skipped": "yellow",
    "unknown": "yellow",
    "open": "yellow",
}


def show_findings(console: Console, findings: "Sequence[Finding]") -> None:
    """A line for each finding."""
    for each in findings:
        console.print(
            f"[{COLOURS[each.state]}]{each.state:<8}[/] {escape(each.name)}: {escape(each.text)}",
            highlight=False,
        )


def show_verification(console: Console, found: "Verification") -> None:
    """The comparison by tables and kinds of objects, and its verdict."""
    table = titled("Tables, against the dump's snapshot")
    for name in ("table", "state", "rows, source", "rows, target", "why"):
        table.add_column(name, justify="right" if name.startswith("rows") else "left")
    for each in found.tables:
        table.add_row(
            escape(each.table),
            f"[{COLOURS[each.state]}]{each.state}[/]",
            *(
                f"{rows:,}" if rows is not None else ""
                for rows in (each.source_rows, each.target_rows)
            ),
            escape("; ".join([each.why, *each.rows])) if each.why else "",
        )
    console.print(table)
    for section in found.sections:
        colour = "green" if section.is_equal else "red"
        console.print(
            f"[{colour}]{'equal' if section.is_equal else 'differs':<8}[/] "
            f"{section.section.replace('_', ' ')}: {escape(section.verdict)}",
            highlight=False,
        )
    for note in found.notes:
        console.print(f"[yellow]note[/]     {escape(note)}", highlight=False)
    console.print(escape(found.verdict), highlight=False)
