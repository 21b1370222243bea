"""Holding a restored database against what the dump's snapshot saw: rows, objects, numbers, rights.

Each table ends in a state. Validated means that every value of every row is there; whatever was
not compared says why, and is no pass.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rfm_platform.bi_database.differences import RowDifferences, compare_rows
from rfm_platform.bi_database.endpoint import Session, UrlEndpoint
from rfm_platform.bi_database.grants import mapped
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.state import (
    KINDS,
    SECTIONS,
    DatabaseState,
    TableState,
    content_query,
    read_definitions,
)
from rfm_platform.errors import PlatformError

State = Literal["validated", "mismatched", "no key", "error", "skipped"]
# Names of objects that are told; how many there are is always told.
NAMED = 20


class TableResult(BaseModel):
    """How a table compares.

    Attributes:
        state: ``no key`` is a mismatch whose rows cannot be named.
        why: what differs, or why it was not compared.
        rows: examples of rows that differ, by key, without their values.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    state: State
    source_rows: int | None
    target_rows: int | None
    why: str = ""
    rows: tuple[str, ...] = ()


class SectionResult(BaseModel):
    """How a kind of object compares: names that are missing, that are extra, that are otherwise."""

    model_config = ConfigDict(frozen=True)

    section: str
    compared: int
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    different: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.different)

    @property
    def verdict(self) -> str:
        """A sentence."""
        if self.is_equal:
            return f"{self.compared} compared, all equal."
        parts = [
            f"{len(names)} {word}: {_listed(names)}"
            for word, names in (
                ("missing", self.missing),
                ("not in the source", self.extra),
                ("different", self.different),
            )
            if names
        ]
        return "; ".join(parts)


class Verification(BaseModel):
    """Everything that was compared.

    Attributes:
        sections: by kind of object, with sequences, owners, rights and the database itself.
        notes: what a person should know and is no mismatch.
    """

    model_config = ConfigDict(frozen=True)

    tables: tuple[TableResult, ...]
    sections: tuple[SectionResult, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.bad_tables and all(section.is_equal for section in self.sections)

    @property
    def bad_tables(self) -> list[TableResult]:
        """Tables that are neither validated nor skipped."""
        return [each for each in self.tables if each.state not in ("validated", "skipped")]


def verify(
    target: UrlEndpoint,
    manifest: Manifest,
    directory: Path,
    roles: Mapping[str, str],
    *,
    jobs: int = 2,
    identity: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Compares a restored database with its dump's manifest, and rows that differ with the dump.

    Args:
        target: the restored database.
        manifest: of the dump.
        directory: the dump's.
        roles: as the restore mapped them.
        jobs: tables that are read at once.
        identity: the age private key of an encrypted dump.
        progress: told what is compared.

    Raises:
        DatabaseError: the target cannot be reached.
    """
    with target.session() as session:
        found = read_definitions(session)
    source = manifest.state

    def compare(table: TableState) -> TableResult:
        progress(f"comparing {table.title}")
        return _compare_table(
            target, table, found, lambda: compare_rows(target, table, manifest, directory, identity)
        )

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        tables = list(pool.map(compare, source.tables))
    expected = {table.title for table in source.tables}
    tables += [
        TableResult(
            table=table.title,
            state="mismatched",
            source_rows=None,
            target_rows=table.rows,
            why="is not in the dump",
        )
        for table in found.tables
        if table.title not in expected
    ]
    progress("comparing definitions")
    sections = [
        _compare_definitions(name, source.sections[name], found.sections[name]) for name in SECTIONS
    ]
    sections += [_sequences(source, found), _owners(source, found)]
    rights, notes = _rights(source, found, roles)
    sections += [rights, _database(source, found)]
    return Verification(
        tables=tuple(tables), sections=tuple(sections), notes=(*notes, *_notes(source, found))
    )


def _compare_table(
    target: UrlEndpoint,
    source: TableState,
    found: DatabaseState,
    explain: Callable[[], RowDifferences],
) -> TableResult:
    result = TableResult(
        table=source.title, state="validated", source_rows=source.rows, target_rows=None
    )
    not_compared = _not_compared(source, found.table(source.title))
    if not_compared is not None:
        state, why = not_compared
        return result.model_copy(update={"state": state, "why": why})
    try:
        with target.session() as session:
            rows, content = _content(session, source)
        result = result.model_copy(update={"target_rows": rows})
        if (rows, content) == (source.rows, source.content):
            why = "" if source.key else "compared as a whole: it has no key"
            return result.model_copy(update={"why": why})
        differences = explain()
    except PlatformError as error:
        return result.model_copy(update={"state": "error", "why": str(error)})
    mismatch = "mismatched" if source.key else "no key"
    return result.model_copy(
        update={
            "state": "validated" if differences.is_equal else mismatch,
            "why": differences.verdict,
            "rows": differences.examples,
        }
    )


def _not_compared(source: TableState, found: TableState | None) -> tuple[State, str] | None:
    """The state of a table whose rows cannot be compared, and why; None: they can."""
    if found is None:
        return "mismatched", "is not there"
    if found.kind != source.kind:
        return "mismatched", f"is a {KINDS[found.kind]}, was a {KINDS[source.kind]}"
    if source.is_populated and not found.is_populated:
        return "mismatched", "is not populated: REFRESH MATERIALIZED VIEW has to run"
    if found.columns != source.columns:
        return "mismatched", "has other columns"
    skipped = {
        "p": "partitioned: its partitions hold the rows and are compared",
        "f": "a foreign table: its rows lie in another database",
    }.get(source.kind)
    if not source.is_populated:
        skipped = "a materialized view that is not populated at the source either"
    return ("skipped", skipped) if skipped else None


def _content(session: Session, table: TableState) -> tuple[int, str]:
    (row,) = session.rows(content_query(table))
    return row["rows"], row["content"]


def _compare_definitions(
    section: str, source: Mapping[str, str], target: Mapping[str, str]
) -> SectionResult:
    return SectionResult(
        section=section,
        compared=len(source),
        missing=tuple(sorted(source.keys() - target.keys())),
        extra=tuple(sorted(target.keys() - source.keys())),
        different=tuple(
            f"{name} ({_shortened(source[name])} → {_shortened(target[name])})"
            for name in sorted(source.keys() & target.keys())
            if source[name] != target[name]
        ),
    )


def _sequences(source: DatabaseState, target: DatabaseState) -> SectionResult:
    """A sequence may be ahead of what the snapshot saw: its numbers know no transactions."""
    found = {sequence.name: sequence for sequence in target.sequences}
    different = []
    for sequence in source.sequences:
        now = found.get(sequence.name)
        if now is None:
            continue
        if now.highest is not None and now.next_value <= now.highest:
            different.append(
                f"{now.name} gives {now.next_value} next, {now.column} already holds {now.highest}"
            )
        elif now.next_value < sequence.next_value:
            different.append(
                f"{now.name} gives {now.next_value} next, at the source {sequence.next_value}"
            )
    names = {sequence.name for sequence in source.sequences}
    return SectionResult(
        section="sequences",
        compared=len(names),
        missing=tuple(sorted(names - found.keys())),
        extra=tuple(sorted(found.keys() - names)),
        different=tuple(different),
    )


def _owners(source: DatabaseState, target: DatabaseState) -> SectionResult:
    """Everything belongs to the role that restored, whoever owned it before."""
    expected = dict.fromkeys(source.owners, target.connected_as)
    return _compare_definitions("owners", expected, target.owners)


def _rights(
    source: DatabaseState, target: DatabaseState, roles: Mapping[str, str]
) -> tuple[SectionResult, list[str]]:
    carried, left = mapped(source, roles)
    expected = {f"{g.privilege} on {g.object} to {g.grantee}": str(g.is_grantable) for g in carried}
    # Cloud servers give their administrators rights of their own: more is told, less is wrong.
    given = {
        f"{g.privilege} on {g.object} to {g.grantee}": str(g.is_grantable) for g in target.grants
    }
    compared = _compare_definitions("rights", expected, given).model_copy(update={"extra": ()})
    notes = []
    if left:
        who = ", ".join(sorted({grant.grantee for grant in left}))
        notes.append(
            f"{len(left)} rights of {who} were not carried over: name who stands for them in "
            "RFM_BI_ROLES, or give them by hand."
        )
    if more := sorted(given.keys() - expected.keys()):
        notes.append(f"Rights that only the target has: {_listed(more)}.")
    return compared, notes


def _database(source: DatabaseState, target: DatabaseState) -> SectionResult:
    return _compare_definitions(
        "encoding", {"encoding": source.encoding}, {"encoding": target.encoding}
    )


def _notes(source: DatabaseState, target: DatabaseState) -> list[str]:
    notes = []
    if source.collation != target.collation:
        notes.append(
            f"Text was sorted by {source.collation} and is by {target.collation}: lists may come "
            "in another order."
        )
    if source.major_version != target.major_version:
        notes.append(
            f"From PostgreSQL {source.major_version} to {target.major_version}: a definition that "
            "newer servers write otherwise shows as different; look at both texts."
        )
    return notes


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = f" … and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117] + "…"
