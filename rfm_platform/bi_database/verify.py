"""Holding a restored database against what the dump's snapshot saw: rows, objects, numbers, rights.

Each table ends in a state. Validated means that every value of every row is there; whatever was
not compared says why, and is no pass.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rfm_platform.bi_database.content import Scheme, read_content
from rfm_platform.bi_database.differences import compare_rows
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.objects import compare_objects
from rfm_platform.bi_database.results import RowDifferences, State, TableResult, Verification
from rfm_platform.bi_database.rewriting import as_target_writes
from rfm_platform.bi_database.state import (
    KINDS,
    LAYOUT,
    DatabaseState,
    TableState,
    read_definitions,
)
from rfm_platform.errors import PlatformError


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
        BiDatabaseError: the dump's record of the source is of an earlier release.
        DatabaseError: the target cannot be reached.
    """
    scheme = _scheme(manifest, directory)
    with target.session() as session:
        found = read_definitions(session)
    source = manifest.state

    def compare(table: TableState) -> TableResult:
        progress(f"comparing {table.title}")
        return _compare_table(
            target,
            table,
            found,
            scheme,
            lambda: compare_rows(target, table, manifest, directory, identity),
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
    written = source
    if source.major_version != found.major_version:
        written = as_target_writes(source, target.database)
    sections, notes = compare_objects(written, found, roles)
    return Verification(tables=tuple(tables), sections=tuple(sections), notes=tuple(notes))


def _scheme(manifest: Manifest, directory: Path) -> Scheme:
    """How the source's rows were hashed."""
    scheme = manifest.state.scheme
    if scheme == "record" or manifest.state.layout != LAYOUT:
        raise BiDatabaseError(
            f"The dump in {directory} was written by an earlier release of rfm, which took some "
            "values for equal that are not, and described objects otherwise: nothing was compared. "
            "Make a new dump of the source (rfm bi dump), restore it and verify that. The old dump "
            "itself can still be restored"
        )
    return scheme or "md5"


def _compare_table(
    target: UrlEndpoint,
    source: TableState,
    found: DatabaseState,
    scheme: Scheme,
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
            rows, content = read_content(session, source, scheme)
        result = result.model_copy(update={"target_rows": rows})
        if (rows, content) == (source.rows, source.content):
            why = "" if source.key else "compared as a whole: it has no key"
            return result.model_copy(update={"why": why})
        if source.kind == "m":
            why = "a materialized view: the restore refreshed it, at the source it was older"
            return result.model_copy(update={"state": "skipped", "why": why})
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
