"""Analyses that came out empty: right without a customer, wrong with some."""

from pathlib import Path

import dagster as dg
import pytest

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

DAYS = ("01-01", "01-02")
TABLES = {
    "segments_add_up": ("rfm_segments", "rfm_cells", "rfm_concentration"),
    "retention_adds_up": ("cohort_retention",),
}
MISSING = {
    "segments_add_up": "all: segments are not what the scores give",
    "retention_adds_up": "all: a cell is not the cohort matrix's",
}


@pytest.fixture(scope="module")
def taken(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Two days with their snapshots and analyses; on neither is a slice large enough to segment."""
    chain = new_chain(server, tmp_path_factory.mktemp("analyses"), analyses=True)
    chain.fill([line(f"{on}-{n}", on, user_id=f"u{n}") for on in DAYS for n in range(4)])
    assert chain.load(*DAYS).succeeded
    for on in DAYS:
        outcome = chain.snapshot(on)
        assert outcome.succeeded, outcome.errors
    return chain


@pytest.mark.parametrize("check", TABLES)
def test_an_analysis_that_came_out_empty_is_not_called_right(taken: Chain, check: str) -> None:
    """The day before has its rows still: they are no stand-in."""
    for on in DAYS:
        assert taken.judge(check, on).passed
    for name in TABLES[check]:
        getattr(taken.platform.lake, name).commit([], [day("01-02")])
    taken.platform.publisher.publish_analyses(day("01-02"), *TABLES[check])
    verdict = taken.judge(check, "01-02")
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert MISSING[check] in (verdict.description or "")
    assert taken.judge(check, "01-01").passed


def test_analyses_of_a_day_without_a_customer_are_empty_and_right(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path, analyses=True)
    chain.fill([line("o", "01-01", cancelled_flag="true")])
    assert chain.load("01-01").succeeded
    outcome = chain.snapshot("01-01")
    assert outcome.succeeded, outcome.errors
    assert chain.in_warehouse("SELECT COUNT(*) FROM rfm.rfm_segments") == [(0,)]
    for check in TABLES:
        verdict = chain.judge(check, "01-01")
        assert verdict.passed, verdict.description
