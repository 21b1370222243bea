"""What a restore notes in its job's directory: what goes where, and how far it is.

One job is noted there at a time. A command that asks for another target finds it there as well, and
must neither wait for it nor clean up after it.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.file_lock import try_lock
from rfm_platform.bi_database.manifest import read_manifest
from rfm_platform.bi_database.private_file import write_private
from rfm_platform.postgres import Database

STATE = "state.json"
JOB = "job.json"
LOCK = "lock"
# Whoever watches may be another command than the one that started the process: there is nothing
# to wait on, the file has to be looked at.
POLL_SECONDS = 0.2
# As long as a look at the target takes: then the restore runs, and is watched.
BEGIN_SECONDS = 60
UNTOUCHED = "The target is as it was."


@dataclass(frozen=True)
class RestoreState:
    """How far a restore is, as its process notes it.

    Attributes:
        pid: the process.
        phase: what it does, for a person.
        done, total: steps of it; 0 where it has none.
        failure: what went wrong.
        target_is: how a failure left the target.
        note: what was not done and is no failure.
        touched: whether the target is no longer as it was.
        succeeded: whether everything was done; an end without that is a failure.
    """

    pid: int
    phase: str = "starting"
    done: int = 0
    total: int = 0
    failure: str | None = None
    target_is: str = ""
    note: str = ""
    touched: bool = False
    succeeded: bool = False
    ended: bool = False


def describe_target(target: Database) -> str:
    """Which database a target is, however its address is written; without role and password."""
    parameters = target.conninfo()
    host, port = parameters.get("host", "local"), parameters.get("port", 5432)
    return f"{host}:{port}/{parameters.get('dbname', '')}"


def read_job(job: Path) -> dict[str, Any]:
    """What is restored where."""
    return _read(job / JOB)


def refuse_another(job: Path, target: Database, directory: Path | None = None) -> None:
    """Makes sure that a job without an end is about what is asked for.

    A killed job may be followed by another dump for its target, which replaces what it left.

    Args:
        job: its directory.
        target: where to restore.
        directory: the dump; None: whichever.

    Raises:
        BiDatabaseError: it is about another target, or it runs and restores another dump.
    """
    if not (job / STATE).exists() or read_state(job).ended:
        return
    task, asked, running = read_job(job), describe_target(target), is_running(job)
    noted = task.get("target", task["label"])
    ended = task.get("ended")  # an earlier release did not note it
    what = f"{task['directory']} into {noted}"
    wanted = f"into {asked}" if directory is None else f"{directory} into {asked}"
    is_same_dump = directory is None or (directory.resolve() == Path(task["directory"]).resolve())
    if directory is not None and is_same_dump and running and ended is not None:
        there = read_manifest(directory).ended.isoformat()
        is_same_dump = there == ended
        what, wanted = f"{what} (dump of {ended})", f"{wanted} (dump of {there})"
    if noted == asked and (is_same_dump or not running):
        return
    if running:
        raise BiDatabaseError(
            f"A restore of {what} is running, asked for is {wanted}: wait for its end, or ask for "
            "the same to watch it. Nothing was changed"
        )
    raise BiDatabaseError(
        f"A restore of {what} was killed in the middle, asked for is {wanted}: set "
        "RFM_BI_TARGET_URL back and restore with --replace, or remove "
        f"{job} to leave a part there. Nothing was changed"
    )


def take(job: Path) -> IO[bytes] | None:
    """The lock of a job's directory, of whoever begins a restore; None: another has it.

    It lasts as long as somebody has the file open: `start` hands it on to the restore's process.
    """
    job.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = try_lock(job / LOCK)
    if lock is not None:
        lock.truncate(0)
    return lock


@contextmanager
def taken(job: Path) -> Iterator[IO[bytes] | None]:
    """The job's lock, or None where its restore runs; waits for one that is about to begin."""
    deadline = time.monotonic() + BEGIN_SECONDS
    while (lock := take(job)) is None and not is_running(job):
        if time.monotonic() > deadline:
            raise BiDatabaseError(
                f"Another command is about to restore, by its lock {job / LOCK}: ask again when it "
                "has begun, to watch it. Nothing was changed"
            )
        time.sleep(POLL_SECONDS)  # a lock that is free, or handed on, tells nobody
    with lock or nullcontext():
        yield lock


def hand_on(lock: IO[bytes], pid: int) -> None:
    """Notes whose the lock is from now on: the process has inherited the open file."""
    lock.write(str(pid).encode())


def is_running(job: Path) -> bool:
    """Whether a restore's process is at work."""
    if not (job / STATE).exists():
        return False
    state = read_state(job)
    try:
        owner = (job / LOCK).read_text("utf-8")
    except FileNotFoundError:
        return False
    if state.ended or owner != str(state.pid):
        return False
    lock = try_lock(job / LOCK)
    if lock is None:
        return True
    lock.close()
    return False


def read_state(job: Path) -> RestoreState:
    """How far a restore is."""
    noted = _read(job / STATE)
    try:
        return RestoreState(**noted)
    except TypeError:
        raise _unreadable(job / STATE) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        noted = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        raise _unreadable(file) from None
    if not isinstance(noted, dict):
        raise _unreadable(file)
    return noted


def _unreadable(file: Path) -> BiDatabaseError:
    return BiDatabaseError(
        f"{file}, where a restore notes how far it is, is not there or damaged. Look whether one "
        f"runs (pg_restore at the target); if none does, remove {file.parent} and restore with "
        "--replace"
    )


def write_state(job: Path, state: RestoreState) -> None:
    """Notes how far it is; a reader sees the old or the new."""
    write_private(job / STATE, json.dumps(asdict(state)))
