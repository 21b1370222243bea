"""A database's state in the words and tables of an inventory."""

from typing import Any

from rfm_platform.bi_database.redash import Application
from rfm_platform.bi_database.state import KINDS, DatabaseState

UNLOGGED = "u"
# Told in a line of their own, or no objects by themselves.
_NOT_COUNTED = ("extensions", "partitions", "table_properties")


def facts_of(state: DatabaseState, application: Application | None) -> dict[str, str]:
    """What the database is, a line each."""
    counts = {name: len(objects) for name, objects in state.sections.items()}
    unlogged = [table.title for table in state.tables if table.persistence == UNLOGGED]
    partitioned = [table.title for table in state.tables if table.kind == "p"]
    roles = sorted(
        {*state.owners.values(), *(grant.grantee for grant in state.grants), state.owner}
    )
    facts = {
        "kind": f"PostgreSQL {state.version}",
        "database": f"{state.name}, {state.bytes / 1e6:,.1f} MB",
        "encoding": f"{state.encoding}, sorted by {state.collation}, "
        f"characters {state.character_type}",
        "owner": state.owner,
        "roles": ", ".join(roles),
        "extensions": ", ".join(sorted(state.sections["extensions"])) or "none",
        "objects": ", ".join(
            f"{count} {name.replace('_', ' ')}"
            for name, count in (
                ("tables", len(state.tables)),
                ("sequences", len(state.sequences)),
                *counts.items(),
            )
            if name not in _NOT_COUNTED
        ),
        "unlogged tables": ", ".join(unlogged) or "none",
        "partitioned tables": ", ".join(partitioned) or "none",
        "application": "not known",
    }
    if application is not None:
        facts["application"] = f"{application.name}, schema revision {application.revision}"
        facts["holds"] = ", ".join(
            f"{count['total']:,} {kind.replace('_', ' ')}"
            + (f" ({count['archived']:,} archived)" if count["archived"] else "")
            for kind, count in application.objects.items()
        )
    return facts


def tables_of(state: DatabaseState) -> list[dict[str, Any]]:
    """A row a table, largest first."""
    return [
        {
            "table": table.title,
            "kind": KINDS[table.kind],
            "rows_about": table.estimated_rows,
            "bytes": table.bytes,
            "key": ", ".join(table.key),
        }
        for table in state.tables
    ]


def sequences_of(state: DatabaseState) -> list[dict[str, Any]]:
    """A row a sequence."""
    return [sequence.model_dump() for sequence in state.sequences]
