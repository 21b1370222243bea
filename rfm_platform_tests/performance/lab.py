"""One size, measured: a mart is made, then floors, the platform's stages and peers take turns."""

import datetime as dt
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rfm_platform.customers.segments import load_segments
from rfm_platform.demo import synthetic
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.performance import morning, run, stages
from rfm_platform_tests.performance.measuring import ROOT, Bounds, Figures, StoppedError, measure
from rfm_platform_tests.performance import peers as peers_package
from rfm_platform_tests.performance.peers import PEERS, Peer
from rfm_platform_tests.performance.peers.comparison import (
    differences,
    fingerprints,
    our_fingerprints,
)
from rfm_platform_tests.performance.peers.job import Job, write_job

END = dt.date(2024, 12, 31)
DAYS = 730
MEMORY_LIMIT_MB = 1200
PEER_BOUNDS = Bounds(memory=8000, seconds=3600)
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PEERS_PACKAGE = peers_package.__name__
Say = Callable[[str], object]


@dataclass(frozen=True)
class Stage:
    """What is measured, by the name that goals and page know it by."""

    name: str
    module: ModuleType
    function: str


HISTORY = (
    Stage("floor: COPY out", stages, "copy_out"),
    Stage("extract", stages, "extract"),
    Stage("floor: GROUP BY", stages, "group_by"),
    Stage("transform", stages, "transform"),
)
PUBLISHING = (
    Stage("publish", stages, "publish"),
    Stage("(written aside)", stages, "write_published_rows"),
    Stage("floor: COPY in", stages, "copy_in"),
)
MORNING = (
    Stage("(late changes)", morning, "change_the_past"),
    Stage("floor: COUNT", morning, "count_days"),
    Stage("find changes", morning, "find_changes"),
    Stage("refresh", morning, "refresh"),
)


@dataclass(frozen=True)
class PeerResult:
    """What a peer used, or why its figures do not count.

    Attributes:
        figures: None if it was stopped or computed something else.
        reason: why; empty with figures.
    """

    figures: Figures | None
    reason: str = ""


@dataclass(frozen=True)
class Size:
    """Everything that was measured with one number of lines.

    Attributes:
        lines, customers: in the mart.
        stages: by name.
        peers: by name.
    """

    lines: int
    customers: int
    stages: dict[str, Figures]
    peers: dict[str, PeerResult]


def measure_size(
    lines: int,
    *,
    say: Say,
    days: int = DAYS,
    peers: Iterable[Peer] = PEERS,
    bounds: Bounds = PEER_BOUNDS,
) -> Size:
    """Makes a mart, measures everything on it, removes it."""
    with tempfile.TemporaryDirectory(prefix="rfm-bench-") as directory:
        home = Path(directory)
        server = EmbeddedServer(home)
        try:
            return _measure(home, server, lines, days, list(peers), bounds, say)
        finally:
            server.stop()


def _measure(
    home: Path,
    server: EmbeddedServer,
    lines: int,
    days: int,
    peers: list[Peer],
    bounds: Bounds,
    say: Say,
) -> Size:
    say("making them")
    mart = server.database("data_mart")
    loaded = synthetic.load(mart, lines=lines, days=days, end_date=END)
    job = Job(
        home=home,
        lines=lines,
        first_day=END - dt.timedelta(days=days - 1),
        as_of=END,
        memory_limit_mb=MEMORY_LIMIT_MB,
        mart={name: str(value) for name, value in mart.conninfo().items()},
        segments=[(*cell, name) for cell, name in load_segments().cells.items()],
    )
    write_job(job)

    def take(some: Iterable[Stage]) -> dict[str, Figures]:
        found = {}
        for stage in some:
            say(stage.name)
            command = _command(Path(sys.executable), stage.module.__name__, stage.function, home)
            found[stage.name] = measure(command, home, server)
        return {name: figures for name, figures in found.items() if not name.startswith("(")}

    measured = take(HISTORY)
    compared = {peer.name: _measure_peer(peer, job, server, bounds, say) for peer in peers}
    measured |= take(PUBLISHING) | take(MORNING)
    return Size(lines, loaded.customers, measured, compared)


def _measure_peer(
    peer: Peer, job: Job, server: EmbeddedServer, bounds: Bounds, say: Say
) -> PeerResult:
    say(peer.name)
    python = PEERS_PYTHON if peer.is_apart else Path(sys.executable)
    command = _command(python, f"{PEERS_PACKAGE}.{peer.module}", "compute", job.home)
    try:
        figures = measure(command, job.home, server, bounds)
    except StoppedError as error:
        say(f"{peer.name}: {error}")
        return PeerResult(None, str(error))
    platform = stages.platform_of(job)
    theirs = fingerprints(platform.engine, job.results(peer.module))
    found = differences(our_fingerprints(platform), theirs)
    if found:
        say(f"{peer.name} computes something else: {', '.join(found)}")
        return PeerResult(None, f"computes something else: {', '.join(found)}")
    return PeerResult(figures)


def _command(python: Path, module: str, function: str, home: Path) -> list[str]:
    return [str(python), "-m", run.__name__, module, function, str(home)]
