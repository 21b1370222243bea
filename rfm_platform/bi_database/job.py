"""What a restore notes in its job's directory: what goes where, and how far it is.

One job is noted there at a time. A command that asks for another target finds it there as well, and
must neither wait for it nor clean up after it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.postgres import Database

STATE = "state.json"
JOB = "job.json"
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
    task: dict[str, Any] = json.loads((job / JOB).read_text("utf-8"))
    return task


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
    is_same_dump = directory is None or str(directory.absolute()) == task["directory"]
    if noted == asked and (is_same_dump or not running):
        return
    what = f"{task['directory']} into {noted}"
    wanted = f"into {asked}" if directory is None else f"{directory} into {asked}"
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


def is_running(job: Path) -> bool:
    """Whether a restore's process is at work."""
    if not (job / STATE).exists():
        return False
    state = read_state(job)
    if state.ended:
        return False
    try:
        command = Path(f"/proc/{state.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(job).encode() in command


def read_state(job: Path) -> RestoreState:
    """How far a restore is."""
    return RestoreState(**json.loads((job / STATE).read_text("utf-8")))


def write_state(job: Path, state: RestoreState) -> None:
    """Notes how far it is; a reader sees the old or the new."""
    new = job / f"{STATE}.new"
    new.write_text(json.dumps(asdict(state)), encoding="utf-8")
    new.replace(job / STATE)
