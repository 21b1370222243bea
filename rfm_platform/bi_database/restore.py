"""Restoring a dump in the background: the restore outlives whoever watches it.

A process of its own runs pg_restore, gives rights, gathers statistics, and writes how far it is
into the job's directory; watching means reading that. A restore that breaks leaves an empty
database, and says so; if its own process is killed, the next one who watches cleans up.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rfm_platform.bi_database.emptying import empty
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.job import (
    JOB,
    POLL_SECONDS,
    STATE,
    UNTOUCHED,
    RestoreState,
    describe_target,
    hand_on,
    is_running,
    read_job,
    read_state,
    refuse_another,
    take,
    taken,
)
from rfm_platform.bi_database.manifest import damaged_files, read_manifest
from rfm_platform.bi_database.private_file import open_private, write_private
from rfm_platform.bi_database.results import Finding
from rfm_platform.bi_database.staging import remove_leftovers
from rfm_platform.bi_database.target import examine, tell_apart
from rfm_platform.bi_database.tools import choose, login, remove_login
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database

LOG = "restore.log"
IDENTITY = "RFM_BI_IDENTITY"
STATISTICS = "statistics"


@dataclass(frozen=True)
class RestoreOptions:
    """How a dump is restored.

    Attributes:
        jobs: objects that are restored at once; with 1 everything is one transaction.
        replace: whether what the target holds may be removed first.
        roles: for each role of the source, the target's: rights of others are given to no one.
        identity: the age private key of an encrypted dump.
    """

    jobs: int = 2
    replace: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    identity: str | None = None


def preflight(
    target: Database,
    directory: Path,
    options: RestoreOptions,
    source: UrlEndpoint | CommandEndpoint | None = None,
) -> list[Finding]:
    """Everything that can be known before: the dump's files, the programs, the target.

    Args:
        target: where to.
        directory: the dump's.
        options: how.
        source: the database that the target must not be; None: it is not known.
    """
    manifest = read_manifest(directory)
    damage = damaged_files(directory, manifest)
    findings = [
        Finding(
            name="dump",
            state="failed" if damage else "passed",
            text="; ".join(damage) + ": make a new dump."
            if damage
            else f"{len(manifest.files)} files, each with the checksum that it was written with.",
        )
    ]
    try:
        tool = choose("pg_restore", manifest.tool)
        findings.append(Finding(name="pg_restore", state="passed", text=f"{tool.version}"))
    except BiDatabaseError as error:
        findings.append(Finding(name="pg_restore", state="failed", text=str(error)))
    if source is not None:
        findings.append(tell_apart(source, target))
    return findings + examine(target, manifest, options.roles, replace=options.replace)


def restore(
    target: Database,
    directory: Path,
    job: Path,
    options: RestoreOptions,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    *,
    source: UrlEndpoint | CommandEndpoint | None = None,
    before: Callable[[], None] = lambda: None,
) -> list[Finding]:
    """Restores a dump and waits for the end; takes up a restore into the target that still runs.

    Args:
        target: where to.
        directory: the dump's.
        job: a directory of the target's own, in which the restore notes how far it is.
        options: how.
        progress: told what is done, how many steps of it, of how many.
        source: the database that the target must not be; None: it is not known.
        before: called when nothing stands in the way any more, before anything is changed.

    Returns:
        What preflight found, and what was not done and need not stop anybody.

    Raises:
        BiDatabaseError: the target is not fit, or the restore failed; says what the target is now.
            Or the job is about another target, or still restores another dump.
    """
    findings: list[Finding] = []
    with taken(job) as lock:
        refuse_another(job, target, directory)
        if lock is not None:
            _remove_secrets(job, directory)
            findings = preflight(target, directory, options, source)
            failed = [f"{each.name}: {each.text}" for each in findings if each.state == "failed"]
            if failed:
                raise BiDatabaseError(
                    f"Nothing was restored into {target.label}, it is as it was. "
                    + " ".join(failed)
                )
            before()
            start(target, directory, job, options, lock)
    return findings + watch(target, job, progress)


def start(
    target: Database, directory: Path, job: Path, options: RestoreOptions, lock: IO[bytes]
) -> None:
    """Starts a restore in a process of its own, which holds the job's lock, and returns."""
    manifest = read_manifest(directory)
    (job / STATE).unlink(missing_ok=True)
    environment = login(target.conninfo(), job)
    description = {
        "directory": str(directory.resolve()),
        "ended": manifest.ended.isoformat(),
        "target": describe_target(target),
        "pg_restore": str(choose("pg_restore", manifest.tool).path),
        "jobs": options.jobs,
        "replace": options.replace,
        "roles": dict(options.roles),
        "extensions": sorted(manifest.state.sections["extensions"]),
        "label": target.label,
    }
    write_private(job / JOB, json.dumps(description))
    if options.identity is not None:
        environment[IDENTITY] = options.identity
    with open_private(job / LOG) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rfm_platform.bi_database.worker", str(job)],
            # In the image the package lies on a path and is not installed.
            env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    hand_on(lock, process.pid)
    deadline = time.monotonic() + 30
    while not (job / STATE).exists():
        if time.monotonic() > deadline:
            raise BiDatabaseError(f"The restore did not start: see {job / LOG}")
        time.sleep(POLL_SECONDS)


def watch(
    target: Database,
    job: Path,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> list[Finding]:
    """Waits for a restore's end; returns what it did not do and need not stop anybody.

    Raises:
        BiDatabaseError: it failed or was killed; says what the target is now. Or it is about
            another target, which is left alone.
    """
    refuse_another(job, target)
    while True:
        running = is_running(job)
        state = read_state(job)  # after that, so that an end between the two is seen
        if state.ended:
            break
        if not running and (lock := take(job)) is not None:
            with lock:
                if read_state(job) == state:
                    raise BiDatabaseError(_after_a_kill(target, job, state))
        progress(state.phase, state.done, state.total)
        time.sleep(POLL_SECONDS)
    if not state.succeeded:
        why = state.failure or f"its process ended without a word, see {job / LOG}"
        left = state.target_is or "The target holds a part: restore again with --replace."
        raise BiDatabaseError(f"The restore into {target.label} failed: {why}. {left}")
    progress("restored", state.total, state.total)
    if not state.note:
        return []
    return [Finding(name=STATISTICS, state="unknown", text=state.note)]


def in_words(phase: str, done: int, total: int) -> str:
    """How far a restore is, for a line on a screen."""
    return f"{phase}: {done} of {total} objects" if total else phase


def _after_a_kill(target: Database, job: Path, state: RestoreState) -> str:
    task = read_job(job)
    _remove_secrets(job, Path(task["directory"]))
    left = _cleaned(target, task.get("extensions", ())) if state.touched else UNTOUCHED
    return f"The restore into {target.label} was killed in the middle. {left}"


def _remove_secrets(job: Path, directory: Path) -> None:
    """The password and the clear text that a killed process could not remove any more."""
    remove_login(job)
    for place in {directory.parent, directory.resolve().parent}:
        remove_leftovers(place)


def _cleaned(target: Database, needed: Collection[str]) -> str:
    try:
        empty(target, needed)
    except PlatformError as error:
        return f"The target holds a part and could not be emptied: {error}"
    return "The target is empty again."
