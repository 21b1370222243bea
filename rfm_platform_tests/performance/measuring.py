"""A process measured from outside: what the PostgreSQL server did for it, how much memory all took.

Server processes belong to no stage, so their counters are read before and after, with nothing else
at work there, after a checkpoint. Memory is sampled; whoever goes beyond a bound is stopped.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.performance.run import MEASURED, MEGABYTE

SAMPLE_SECONDS = 0.2
# Until the server has counted the sessions that have just ended.
SETTLE_SECONDS = 0.5
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Figures:
    """What a stage used.

    Attributes:
        wall: seconds.
        cpu: seconds, of the process, its children and the server.
        memory: peak resident megabytes of the process and its children.
        server_memory: peak private megabytes of the server's processes, and shared ones once.
        read: megabytes asked for by read calls, from memory or disk alike, pipes included.
        written: megabytes of file pages made dirty.
    """

    wall: float
    cpu: float
    memory: float
    server_memory: float
    read: float
    written: float


@dataclass(frozen=True)
class Bounds:
    """Beyond which a process is stopped: megabytes of it or of the server, seconds."""

    memory: float = float("inf")
    seconds: float = float("inf")


class StoppedError(Exception):
    """A process that was stopped at a bound, or failed by itself; says which."""


def measure(
    command: Sequence[str], home: Path, server: EmbeddedServer | None, bounds: Bounds = Bounds()
) -> Figures:
    """Runs ``run MODULE FUNCTION HOME`` (the command begins with the interpreter) and measures it.

    Args:
        command: with the interpreter.
        home: where the process leaves its own figures.
        server: what works for it; None if it asks no server, so that what a server does by itself
            meanwhile is not counted.
        bounds: beyond which it is stopped.

    Raises:
        StoppedError: it went beyond a bound, or ended with an error.
    """
    postmaster = None if server is None else _settled(server)
    before = _server_used(postmaster)
    (home / MEASURED).unlink(missing_ok=True)
    with _started(command) as process:
        memory, server_memory = _watch(process, postmaster, bounds)
    if process.returncode:
        raise StoppedError(f"ended with code {process.returncode}")
    if server is not None:
        time.sleep(SETTLE_SECONDS)
    own = json.loads((home / MEASURED).read_text("utf-8"))
    used = {name: now - before[name] for name, now in _server_used(postmaster).items()}
    return Figures(
        wall=own["wall"],
        cpu=own["cpu"] + used["cpu"],
        memory=max(own["memory"], memory),
        server_memory=server_memory,
        read=own["read"] + used["read"],
        written=own["written"] + used["written"],
    )


def _settled(server: EmbeddedServer) -> int | None:
    """The postmaster's process id, when nothing is left to write."""
    with server.database("data_mart").connect() as connection:
        connection.execute("CHECKPOINT")
    time.sleep(SETTLE_SECONDS)
    return server.status().pid


@contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the block, and neither do its children."""
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                for each in (*_family(process.pid), process):
                    with suppress(psutil.NoSuchProcess):
                        each.kill()


def _watch(
    process: subprocess.Popen[bytes], postmaster: int | None, bounds: Bounds
) -> tuple[float, float]:
    """Peak megabytes of the process with its children, and of the server, until it ends."""
    start = time.monotonic()
    memory = server_memory = 0.0
    while True:
        memory = max(memory, sum(_resident(each) for each in _family(process.pid)))
        server_memory = max(server_memory, _server_memory(postmaster))
        if max(memory, server_memory) > bounds.memory:
            raise StoppedError(f"stopped beyond {bounds.memory:,.0f} MB")
        if time.monotonic() - start > bounds.seconds:
            raise StoppedError(f"stopped after {bounds.seconds:,.0f} s")
        try:
            process.wait(SAMPLE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return memory, server_memory


def _family(pid: int | None) -> list[psutil.Process]:
    """A process and its descendants, the process first; empty if it has ended.

    Asked of the kernel's own lists: psutil would look at every process of the machine each time.
    """
    found = []
    ids = [] if pid is None else [pid]
    for each in ids:
        with suppress(OSError, psutil.NoSuchProcess):
            found.append(psutil.Process(each))
            for task in Path(f"/proc/{each}/task").iterdir():
                ids += map(int, (task / "children").read_text("ascii").split())
    return found


def _resident(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_info().rss) / MEGABYTE
    return 0.0


def _server_memory(pid: int | None) -> float:
    private, shared = 0.0, 0.0
    for process in _family(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines()
            status = dict(line.split(":", 1) for line in lines if line.startswith("Rss"))
            sizes = {name: int(value.split()[0]) * 1024 for name, value in status.items()}
            private += sizes.get("RssAnon", 0)
            shared = max(shared, sizes.get("RssShmem", 0))
    return (private + shared) / MEGABYTE


def _server_used(pid: int | None) -> dict[str, float]:
    """CPU seconds and megabytes of the server since it started; ended sessions count with it."""
    used = {"cpu": 0.0, "read": 0.0, "written": 0.0}
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            times, io = process.cpu_times(), process.io_counters()
            used["cpu"] += times.user + times.system
            if process.pid == pid:
                used["cpu"] += times.children_user + times.children_system
            used["read"] += io.read_chars / MEGABYTE
            used["written"] += io.write_bytes / MEGABYTE
    return used
