"""One size, measured: a mart is made, then floors, the platform's stages and peers take turns."""

import datetime as dt
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rfm_platform.customers.segments import load_segments
from rfm_platform.demo import synthetic
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.performance import morning, run, stages
from rfm_platform_tests.performance import peers as peers_package
from rfm_platform_tests.performance.measuring import ROOT, Bounds, Figures, StoppedError, measure
from rfm_platform_tests.performance.peers import PEERS, Peer
from rfm_platform_tests.performance.peers.comparison import (
    Fingerprints,
    differences,
    fingerprints,
    our_fingerprints,
)
from rfm_platform_tests.performance.peers.job import Job, write_job

END = dt.date(2024, 12, 31)
DAYS = 730
MEMORY_LIMIT_MB = 1200
PEER_BOUNDS = Bounds(memory=8000, seconds=3600)
# Beyond it only the history and its publishing: peers, copies of what is published and a second
# snapshot would need a disk three times as large.
WHOLE_UP_TO = 50_000_000
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
Say = Callable[[str], object]


@dataclass(frozen=True)
class Stage:
    """What is measured, by the name that goals and page know it by.

    `asks_server`: whether PostgreSQL works for it.
    """

    name: str
    module: ModuleType
    function: str
    asks_server: bool = True


HISTORY = (
    Stage("floor: COPY out", stages, "copy_out"),
    Stage("extract", stages, "extract"),
    Stage("floor: GROUP BY", stages, "group_by", asks_server=False),
    Stage("transform", stages, "transform", asks_server=False),
)
PUBLISH = Stage("publish", stages, "publish")
PUBLISHING = (
    PUBLISH,
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
        prepare: of what it does first, where that is measured apart.
    """

    figures: Figures | None
    reason: str = ""
    prepare: Figures | None = None


@dataclass(frozen=True)
class Size:
    """Everything that was measured with one number of lines.

    Attributes:
        made: the day.
        lines, customers: in the mart.
        stages: by name.
        peers: by name.
    """

    made: str
    lines: int
    customers: int
    stages: dict[str, Figures]
    peers: dict[str, PeerResult]


def measure_size(lines: int, say: Say) -> Size:
    """Makes a mart, measures everything on it, removes it. `say` is told what comes next."""
    with tempfile.TemporaryDirectory(prefix="rfm-bench-") as directory:
        home = Path(directory)
        server = EmbeddedServer(home)
        try:
            say("making them")
            job, customers = make_job(home, server, lines, DAYS)
            bench = Bench(job, server, say)
            made = str(dt.datetime.now(dt.UTC).date())
            if lines > WHOLE_UP_TO:
                return Size(made, lines, customers, bench.take((*HISTORY, PUBLISH)), {})
            stages_before = bench.take(HISTORY)
            peers = bench.take_peers(PEERS)
            stages_after = bench.take((*PUBLISHING, *MORNING))
            return Size(made, lines, customers, stages_before | stages_after, peers)
        finally:
            server.stop()


def make_job(home: Path, server: EmbeddedServer, lines: int, days: int) -> tuple[Job, int]:
    """A mart of invented orders, and what stages and peers are told; how many customers it has."""
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
    with mart.connect() as connection:
        connection.autocommit = True
        # Otherwise the first reader writes hint bits, and the server tidies up during a stage.
        connection.execute("VACUUM (ANALYZE)")
    return job, loaded.customers


@dataclass(frozen=True)
class Bench:
    """Where stages and peers are measured, one after the other."""

    job: Job
    server: EmbeddedServer
    say: Say

    def take(self, some: Iterable[Stage]) -> dict[str, Figures]:
        """Figures of stages by name, without those that only make the next one's input."""
        found = {}
        for stage in some:
            self.say(stage.name)
            found[stage.name] = self._run(
                [sys.executable, stage.module.__name__, stage.function], stage.asks_server, Bounds()
            )
        return {name: figures for name, figures in found.items() if not name.startswith("(")}

    def take_peers(self, some: Iterable[Peer]) -> dict[str, PeerResult]:
        """Results of peers by name, held against our tables in the lake."""
        ours = our_fingerprints(stages.platform_of(self.job))
        found = {}
        for peer in some:
            found[peer.name] = self._take_peer(peer, ours)
            if found[peer.name].reason:
                self.say(f"{peer.name}: {found[peer.name].reason}")
            shutil.rmtree(self.job.results(peer.module))
        return found

    def _take_peer(self, peer: Peer, ours: Fingerprints) -> PeerResult:
        python = PEERS_PYTHON if peer.is_apart else Path(sys.executable)
        module = f"{peers_package.__name__}.{peer.module}"

        def take(function: str) -> Figures:
            self.say(f"{peer.name}: {function}")
            return self._run([str(python), module, function], peer.asks_server, PEER_BOUNDS)

        prepare = None
        try:
            if peer.prepares:
                prepare = take("prepare")
            figures = take("compute")
            if peer.exports:
                take("export")
        except StoppedError as error:
            return PeerResult(None, str(error), prepare)
        engine = stages.platform_of(self.job).engine
        theirs = fingerprints(engine, self.job.results(peer.module))
        if found := differences(ours, theirs):
            return PeerResult(None, f"computes something else: {', '.join(found)}", prepare)
        return PeerResult(figures, "", prepare)

    def _run(self, named: Sequence[str], asks_server: bool, bounds: Bounds) -> Figures:
        python, module, function = named
        home, server = self.job.home, self.server if asks_server else None
        return measure(
            [python, "-m", run.__name__, module, function, str(home)], home, server, bounds
        )
