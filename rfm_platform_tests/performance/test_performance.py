"""The lab itself, on few lines: stages run, peers compute our tables, the page says what was found.

Nothing here judges speed. Peers of the other environment run where `make .venv-peers/.installed`
has made it; elsewhere their tests say that they did not run.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.performance import goals, page
from rfm_platform_tests.performance.lab import (
    HISTORY,
    MORNING,
    PEERS_PYTHON,
    PUBLISHING,
    Bench,
    PeerResult,
    Size,
    Stage,
    make_job,
)
from rfm_platform_tests.performance.measuring import ROOT, Bounds, Figures, StoppedError, measure
from rfm_platform_tests.performance.peers import PEERS, Peer
from rfm_platform_tests.performance.peers.comparison import (
    differences,
    fingerprints,
    our_fingerprints,
)
from rfm_platform_tests.performance.stages import platform_of

LINES, DAYS = 10_000, 45


def run_here(stages: tuple[Stage, ...], home: Path) -> None:
    for stage in stages:
        getattr(stage.module, stage.function)(home)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A home whose lake holds lines and our four tables."""
    home = tmp_path_factory.mktemp("lab")
    server = EmbeddedServer(home)
    try:
        job, _ = make_job(home, server, LINES, DAYS)
        run_here(HISTORY, home)
        yield Bench(job, server, lambda _: None)
    finally:
        server.stop()


def compute_here(peer: Peer, bench: Bench) -> None:
    module = importlib.import_module(f"rfm_platform_tests.performance.peers.{peer.module}")
    steps = [*(["prepare"] if peer.prepares else []), "compute", *(["export"] * peer.exports)]
    for step in steps:
        getattr(module, step)(bench.job.home)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.module)
def test_a_peer_computes_every_column_of_our_tables(peer: Peer, bench: Bench) -> None:
    platform = platform_of(bench.job)
    if peer.is_apart:
        if not PEERS_PYTHON.exists():
            pytest.skip(
                f"THE PEER {peer.name} DID NOT RUN: no {PEERS_PYTHON.relative_to(ROOT)}. "
                "`make .venv-peers/.installed` makes it."
            )
        result = bench.take_peers([peer])[peer.name]
        assert result.reason == ""
        return
    compute_here(peer, bench)
    theirs = fingerprints(platform.engine, bench.job.results(peer.module))
    ours = our_fingerprints(platform)
    assert all(columns["rows"] > 0 for columns in ours.values())
    assert differences(ours, theirs) == []


def test_one_other_value_is_a_difference_that_names_its_column(bench: Bench) -> None:
    platform = platform_of(bench.job)
    compute_here(PEERS[0], bench)
    results = bench.job.results(PEERS[0].module)
    file, other = results / "rfm_scores.parquet", results / "other.parquet"
    with platform.engine.session() as session:
        one = "(ROW_NUMBER() OVER (ORDER BY user_id) = 1)::INT"
        query = f"SELECT * REPLACE (monetary + {one} AS monetary) FROM '{file}'"
        session.query(query).write_parquet(str(other))
    other.rename(file)
    found = differences(our_fingerprints(platform), fingerprints(platform.engine, results))
    assert found == ["rfm_scores.monetary"]


def test_a_morning_follows_a_published_history(bench: Bench) -> None:
    run_here((*PUBLISHING, *MORNING), bench.job.home)
    (newest,) = platform_of(bench.job).warehouse.rows("SELECT MAX(as_of_date) FROM rfm.rfm_scores")
    assert newest["max"] > bench.job.as_of


def test_a_measured_process_has_figures_and_one_beyond_a_bound_is_stopped(bench: Bench) -> None:
    stage = HISTORY[0]
    figures = bench.take([stage])[stage.name]
    assert figures.cpu > 0
    assert figures.memory > 10
    assert figures.server_memory > 1
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    for bounds, reason in ((Bounds(memory=1), "beyond 1 MB"), (Bounds(seconds=0.1), "after 0 s")):
        with pytest.raises(StoppedError, match=reason):
            measure(command, bench.job.home, bench.server, bounds)


def test_the_two_environments_have_one_duckdb() -> None:
    versions = {
        re.findall(r"^duckdb==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE)[0]
        for lock in ("requirements.lock", "requirements-peers.lock")
    }
    assert len(versions) == 1


def figures(cpu: float) -> Figures:
    return Figures(cpu * 2, cpu, memory=900, server_memory=50, read=1, written=1)


SIZE = Size(
    made="2024-12-31",
    lines=10_000_000,
    customers=2_700_000,
    stages={
        "floor: COPY out": figures(10),
        "extract": figures(14),
        "floor: GROUP BY": figures(2),
        "transform": figures(8),
        "publish": figures(10),
        "floor: COPY in": figures(10),
        "floor: COUNT": figures(0.1),
        "find changes": figures(1),
        "refresh": figures(0.8),
    },
    peers={
        "Polars": PeerResult(figures(20)),
        "pandas": PeerResult(None, "stopped beyond 8,000 MB"),
        "PostgreSQL": PeerResult(figures(60), prepare=figures(30)),
    },
)
RECORD = page.Record(
    cores=2,
    memory=16,
    versions={"DuckDB": "2"},
    days=730,
    memory_limit_mb=1200,
    bound_mb=8000,
    bound_seconds=3600,
    sizes=[replace(SIZE, lines=1_000_000), SIZE],
)


def test_goals_are_judged_by_cpu_and_what_was_not_measured_has_no_verdict() -> None:
    found = {verdict.goal: (verdict.found, verdict.reached) for verdict in goals.judge([SIZE])}
    assert found["extract ÷ COPY out"] == ("1.4", True)
    assert found["transform ÷ GROUP BY"] == ("4.0", False)
    assert found["Polars ÷ transform"] == ("2.5", True)
    assert found["PostgreSQL ÷ transform"] == ("7.5", False)
    assert found["pandas ÷ transform"] == ("stopped beyond 8,000 MB", None)
    assert found["dbt-duckdb ÷ transform"] == ("not measured", None)
    assert found["a morning with 30 changed days, of a rebuild"] == ("2.5%", True)
    larger = goals.judge([SIZE, replace(SIZE, lines=50_000_000)])
    assert [(v.found, v.reached) for v in larger[-2:]] == [("900", True), ("1.0", True)]


def test_the_page_is_made_of_the_record_alone_and_hides_no_missed_goal(tmp_path: Path) -> None:
    page.write(RECORD, tmp_path)
    assert page.read(tmp_path) == RECORD
    text = (tmp_path / "performance.md").read_text("utf-8")
    assert "| transform ÷ GROUP BY | ≤ 3.0 | 4.0, **not reached** | 4.0, **not reached** |" in text
    assert "| pandas | stopped beyond 8,000 MB |" in text
    assert "PostgreSQL: lines read and joined | 60.0 | 30.0 |" in text
    picture = ET.fromstring((tmp_path / "performance.svg").read_text("utf-8"))  # noqa: S314 - ours
    texts = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "2.5 (20.0 s)" in texts
    assert "stopped beyond 8,000 MB" in texts


def test_a_size_without_peers_and_morning_has_no_verdict_on_them(tmp_path: Path) -> None:
    stages = {name: SIZE.stages[name] for name in ("floor: COPY out", "extract", "transform")}
    size = replace(SIZE, lines=100_000_000, stages=stages | {"publish": figures(10)}, peers={})
    found = {verdict.goal: verdict.found for verdict in goals.judge([size])}
    assert found["extract ÷ COPY out"] == "1.4"
    assert {verdict.found for verdict in goals.judge([size]) if verdict.reached is None} == {
        goals.NOT_MEASURED
    }
    page.write(replace(RECORD, sizes=[SIZE, size]), tmp_path)
    text = (tmp_path / "performance.md").read_text("utf-8")
    assert (
        "| a morning with 30 changed days, of a rebuild | ≤ 3% | 2.5%, reached | not measured |"
        in text
    )
    assert text.count("months, customers, scores, cohorts by") == 1
    assert text.count("| publish |") == 2


def test_sizes_that_were_not_measured_again_stay_unless_tools_or_machine_differ() -> None:
    again = replace(RECORD, sizes=[replace(SIZE, made="2025-01-01")])
    assert [(size.lines, size.made) for size in again.keep(RECORD).sizes] == [
        (1_000_000, "2024-12-31"),
        (10_000_000, "2025-01-01"),
    ]
    assert again.keep(replace(RECORD, cores=4)) == again
    assert again.keep(replace(RECORD, versions={"DuckDB": "1"})) == again
