"""A morning that did not happen is told by a check that does not depend on it."""

from pathlib import Path

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import day, line, new_chain

CHECK = "is_published_by_the_deadline"


def test_a_missing_morning_fails_the_check_and_says_what_to_do(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path, start_date=day("01-01"), end_date=day("01-02"))
    chain.fill([line("1", "01-01"), line("2", "01-02")])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-01"))
    verdict = chain.check(CHECK, "01-02")
    assert not verdict.passed
    assert "as of 2024-01-02 is not there at 06:00" in (verdict.description or "")
    assert "rfm refresh --as-of 2024-01-02" in (verdict.description or "")
    assert all(outcome.succeeded for outcome in chain.materialize("01-02", "01-02"))
    assert chain.check(CHECK, "01-02").passed
