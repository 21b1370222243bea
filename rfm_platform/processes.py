"""Which process executes a run, so that others can tell that it died."""

import os
import socket
from pathlib import Path

import dagster as dg

PROCESS_TAG = "rfm/process"
MAX_RETRIES_TAG = "dagster/max_retries"
UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Which process executes a run, so that a later one can tell that it died.

    Dagster cannot start such a run again, because it does not know where the code is, and is told
    not to promise it.
    """
    return {
        PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}",
        MAX_RETRIES_TAG: "0",
    }


def end_killed_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks runs of this machine's dead processes as failed and frees their place in the pool.

    Without it a run that was killed would hold its pool for ever where no daemon is running.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        host, _, process = run.tags.get(PROCESS_TAG, "").partition(":")
        pid, _, started = process.partition(":")
        if host != socket.gethostname() or _started(int(pid)) == started:
            continue
        instance.report_run_failed(run, f"The process {pid} that executed the run has died.")
        ended.append(run.run_id)
    if ended and instance.event_log_storage.supports_global_concurrency_limits:
        for run_id in ended:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return ended


def _started(pid: int) -> str:
    """When a process started, in a form to compare; empty when there is none.

    A number may be another process' by now: its start tells them apart.
    """
    try:
        # Field 22, counted after the command, which may hold blanks and parentheses itself.
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except FileNotFoundError:
        pass
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
