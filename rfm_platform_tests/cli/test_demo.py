"""`rfm demo`: what it refuses before it loads anything, and what it leaves of a home's file."""

from pathlib import Path

import pytest
from rich.console import Console

from rfm_platform.cli import demo
from rfm_platform.settings import Settings, read_settings
from rfm_platform_tests.cli.conftest import Rfm

OURS = """\
# Written by `rfm demo`: the days that this home is about. The environment overrides it.
RFM_START_DATE=2024-12-22
RFM_END_DATE=2024-12-31
RFM_TIMEZONE=Asia/Jakarta
RFM_CURRENCY=IDR
RFM_CURRENCY_DECIMALS=0
RFM_SCHEDULES=false
"""
THEIRS = """\
# our alerts

RFM_ALERT_URLS='json://a b'  # both
export RFM_MIN_CELL=12
ANOTHERS=1
RFM_CAMPAIGNS_FILE=/ours/campaigns.yaml
"""


def test_a_demo_keeps_what_is_not_its_own_in_the_homes_file(settings: Settings) -> None:
    settings.home.mkdir()
    file = settings.home / "rfm.env"
    file.write_text(
        "rfm_start_date=2020-01-01\n" + THEIRS.rstrip("\n") + "\nexport RFM_TIMEZONE=UTC",
        encoding="utf-8",
    )
    for _ in range(2):
        loaded = demo.load(settings, Console(quiet=True), lines=100, days=10, seed=None)
        assert file.read_text(encoding="utf-8") == OURS + THEIRS
    assert (loaded.min_cell, loaded.timezone) == (12, "Asia/Jakarta")


def test_invented_orders_do_not_keep_the_campaigns_of_the_real_ones(settings: Settings) -> None:
    settings.home.mkdir()
    calendar = settings.home / "campaigns" / "campaigns.yaml"
    (settings.home / "rfm.env").write_text(f"RFM_CAMPAIGNS_FILE={calendar}\n", encoding="utf-8")
    urls = {name: getattr(settings, name) for name in ("source_url", "warehouse_url")}
    before = read_settings(settings.home, **urls)
    assert before.campaigns_file == calendar
    loaded = demo.load(before, Console(quiet=True), lines=100, days=10, seed=1)
    assert loaded.campaigns_file is None


def test_a_file_for_passwords_is_made_for_its_owner_alone(settings: Settings) -> None:
    settings.home.mkdir()
    demo.load(settings, Console(quiet=True), lines=100, days=10, seed=1)
    assert (settings.home / "rfm.env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("variables", "options", "said"),
    [
        ({"RFM_START_DATE": "2024-01-01"}, (), "Unset RFM_START_DATE first."),
        (
            {"RFM_END_DATE": "2099-01-01", "RFM_TIMEZONE": "UTC"},
            ("--synthetic", "10"),
            "Unset RFM_END_DATE and RFM_TIMEZONE first.",
        ),
        ({}, ("--days", "5"), "--days and --seed are of invented orders: add --synthetic LINES."),
        ({}, ("--seed", "0"), "--days and --seed are of invented orders: add --synthetic LINES."),
    ],
)
def test_what_a_demo_would_ignore_or_be_spoilt_by_is_refused_before_anything_is_loaded(
    rfm_here: Rfm,
    tmp_path: Path,
    variables: dict[str, str],
    options: tuple[str, ...],
    said: str,
) -> None:
    done = rfm_here({"RFM_HOME": str(tmp_path / "home"), **variables}, "demo", *options)
    assert done.code == 1
    assert done.err.endswith(said)
    assert not (tmp_path / "home").exists()
