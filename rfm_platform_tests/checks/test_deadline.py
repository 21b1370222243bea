"""A morning that did not happen is told by a check that does not depend on it."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

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


@pytest.mark.parametrize(("deadline", "due"), [("earlier", "yesterday"), ("later", "before")])
def test_a_morning_is_missing_from_its_deadline_on(
    server: EmbeddedServer, tmp_path: Path, deadline: str, due: str
) -> None:
    """Who materializes an old day's scores before that alarms nobody."""
    # Its minutes must lie on one day: it is never midnight in both.
    zones = ("Asia/Jakarta", "Asia/Tokyo")
    zone, now = next(
        (zone, now)
        for zone in zones
        if dt.time(0, 2) < (now := dt.datetime.now(ZoneInfo(zone))).time() < dt.time(23, 50)
    )
    minutes = dt.timedelta(minutes=-1 if deadline == "earlier" else 4)
    yesterday = now.date() - dt.timedelta(days=1)
    before = yesterday - dt.timedelta(days=1)
    chain = new_chain(
        server,
        tmp_path,
        start_date=before,
        end_date=None,
        timezone=zone,
        daily_at="00:00",
        deadline=(now + minutes).strftime("%H:%M"),
    )
    verdict = chain.check(CHECK, before.isoformat())
    missing = {"yesterday": yesterday, "before": before}[due]
    assert f"as of {missing} is not there" in (verdict.description or "")
