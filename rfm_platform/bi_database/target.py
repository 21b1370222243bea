"""The database that a dump is restored into: is it fit for that, and whose is it."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql

from rfm_platform.bi_database.emptying import held, kept_extensions, one_row, rows_of
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.limits import lift_limits
from rfm_platform.bi_database.locales import LOCALE, locale_differences
from rfm_platform.bi_database.manifest import Manifest
from rfm_platform.bi_database.other_sessions import OTHER_SESSIONS, other_sessions
from rfm_platform.bi_database.results import Finding
from rfm_platform.bi_database.state import major, read_sql
from rfm_platform.bi_database.target_roles import look_at_event_triggers, look_at_roles
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database, DatabaseError

# Hosts to which a connection does not leave this machine.
LOCAL = ("", "localhost", "127.0.0.1", "::1")


def examine(
    target: Database, manifest: Manifest, roles: Mapping[str, str], *, replace: bool
) -> list[Finding]:
    """Looks whether a dump can be restored into a database; changes nothing.

    Args:
        target: the database.
        manifest: of the dump.
        roles: for each role of the source, the target's.
        replace: whether it may hold something, which would be removed.
    """
    try:
        parameters = target.conninfo()
        with target.connect(read_only=True) as connection:
            lift_limits(connection)
            others = other_sessions(lambda: _other_sessions(connection))
            facts = one_row(connection, "target") | one_row(connection, "locale")
            needed = manifest.state.sections["extensions"]
            kept = kept_extensions(connection, needed)
            contents = held(connection, {*kept, *needed})
            extensions = rows_of(connection, "target_extensions")
            fitness = look_at_roles(connection, facts["role"], manifest.state, roles)
        fitness += look_at_event_triggers(target, manifest.state)
    except DatabaseError as error:
        return [Finding(name="connection", state="failed", text=str(error))]
    return [
        Finding(name="connection", state="passed", text=f"{target.label}, {facts['version']}"),
        _release(facts, manifest),
        _encryption(facts, parameters),
        _ownership(facts),
        _emptiness(contents, replace=replace),
        _others(others),
        _encoding(facts, manifest),
        _extensions(extensions, facts, manifest),
        *_additional(kept, needed),
        *fitness,
        Finding(
            name="disk",
            state="unknown",
            text=f"The target needs about {manifest.state.bytes * 1.2 / 1e9:.2f} GB free; "
            "a server does not tell how much it has.",
        ),
    ]


def tell_apart(source: UrlEndpoint | CommandEndpoint, target: Database) -> Finding:
    """Whether the target is another database than the source, which a restore would set back."""
    try:
        before, after = (_identity(each) for each in (source, UrlEndpoint(target)))
    except PlatformError as error:
        text = f"Whether it is another database than the target was not compared: {error}"
        return Finding(name="source", state="unknown", text=text)
    problem = None
    if before == after:
        problem = (
            f"{target.label} is the source itself ({source.label}), whose rows since the dump "
            "would be lost: set RFM_BI_TARGET_URL (the drill's is RFM_BI_DRILL_URL) to another "
            "database."
        )
    return _finding("source", problem, "It is another database than the target.")


def _identity(endpoint: UrlEndpoint | CommandEndpoint) -> dict[str, Any]:
    with endpoint.session() as session:
        (row,) = session.rows(read_sql("identity"))
    return row


def _other_sessions(connection: psycopg.Connection) -> dict[str, Any]:
    connection.execute("SELECT pg_stat_clear_snapshot()")
    return one_row(connection, OTHER_SESSIONS)


def _finding(name: str, problem: str | None, fine: str) -> Finding:
    return Finding(name=name, state="failed" if problem else "passed", text=problem or fine)


def _release(facts: Mapping[str, Any], manifest: Manifest) -> Finding:
    target, source = major(facts["version_number"]), manifest.state.major_version
    problem = None
    if target < source:
        problem = (
            f"The target is PostgreSQL {target}, the source {source}: a dump of a newer server "
            f"does not fit into an older one. Take a target of {source} or later."
        )
    return _finding("release", problem, f"PostgreSQL {source} into {target}.")


def _encryption(facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> Finding:
    if facts["cipher"]:
        return _finding("TLS", None, f"Encrypted: {facts['tls']}, {facts['cipher']}.")
    host = str(parameters.get("host") or "")
    if host in LOCAL or host.startswith("/"):
        return _finding("TLS", None, "The connection does not leave this machine.")
    return _finding(
        "TLS",
        "The connection is not encrypted: add sslmode=verify-full and sslrootcert to the "
        "target's URL.",
        "",
    )


def _ownership(facts: Mapping[str, Any]) -> Finding:
    problem = None
    if not facts["may_create"]:
        problem = (
            f"The role {facts['role']} may not create tables there, the database's owner is "
            f'{facts["owner"]}: ALTER DATABASE "{facts["name"]}" OWNER TO "{facts["role"]}".'
        )
    return _finding("ownership", problem, f"{facts['role']} may create everything.")


def _emptiness(contents: Mapping[str, Any], *, replace: bool) -> Finding:
    held = ", ".join(f"{count} {kind}" for kind, count in contents.items() if count)
    if held and not replace:
        return _finding(
            "empty",
            f"The target is not empty ({held}). If the application created them when it was "
            "started too early, or nothing there is needed: restore with --replace, which removes "
            "everything in it first.",
            "",
        )
    return _finding("empty", None, f"Will be removed first: {held}." if held else "It is empty.")


def _others(others: Mapping[str, Any]) -> Finding:
    count = others["sessions"]
    problem = None
    if count:
        problem = (
            f"{count} other sessions are connected to the target ({others['applications']}): "
            "stop the application until the restore is verified."
        )
    return _finding("sessions", problem, "Nobody else is connected.")


def _encoding(facts: Mapping[str, Any], manifest: Manifest) -> Finding:
    source = manifest.state
    problem = None
    if facts["encoding"] != source.encoding:
        problem = (
            f"The target's encoding is {facts['encoding']}, the source's {source.encoding}: create "
            f"the database anew with ENCODING '{source.encoding}' TEMPLATE template0."
        )
    fine = f"{source.encoding}, sorted by {facts['collation']}."
    if differences := locale_differences(source.model_dump(include=set(LOCALE)), facts):
        fine = f"{source.encoding}. {' '.join(differences)} The data does not change."
    return _finding("encoding", problem, fine)


def _extensions(
    found: list[dict[str, Any]], facts: Mapping[str, Any], manifest: Manifest
) -> Finding:
    available = {row["name"]: row for row in found}
    needed = sorted(manifest.state.sections["extensions"])
    missing = [name for name in needed if name not in available]
    closed = [
        name
        for name in needed
        if name in available
        and not (available[name]["is_installed"] or available[name]["is_trusted"])
        and not facts["is_superuser"]
    ]
    problems = []
    if missing:
        problems.append(f"not available there: {', '.join(missing)}; install them on the server")
    if closed:
        problems.append(
            f"only a superuser may create {', '.join(closed)}: let an administrator run "
            "CREATE EXTENSION in the target database first, in the schema that the source has "
            "it in; the restore leaves it there, also with --replace"
        )
    text = f"Extensions {'; '.join(problems)}." if problems else None
    return _finding("extensions", text, f"All there: {', '.join(needed) or 'none needed'}.")


def _additional(kept: Iterable[str], needed: Container[str]) -> list[Finding]:
    """What verification will find and we cannot remove."""
    names = [name for name in kept if name not in needed]
    if not names:
        return []
    text = (
        f"The target has {', '.join(names)}, the source has not; only who created that may drop "
        "it. Verification will name it as not in the source: have it dropped before the move."
    )
    return [Finding(name="more extensions", state="unknown", text=text)]


def is_ours(target: Database, mark: str) -> bool:
    """Whether a database carries a mark that `mark_as_ours` wrote."""
    with target.connect(read_only=True) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database "
            "WHERE datname = current_database()"
        ).fetchone()
    return found is not None and found[0] == mark


def mark_as_ours(target: Database, mark: str) -> None:
    """Writes a mark on a database, as its comment."""
    with target.connect() as connection:
        name = connection.info.dbname
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(mark))
        )
