"""The real orders' campaigns as a calendar: all of them, each with its households."""

import datetime as dt
from pathlib import Path

import pandas as pd
from rich.console import Console

from rfm_platform.cli import demo
from rfm_platform.customers.campaigns import load_campaigns
from rfm_platform.demo.campaigns import write_calendar
from rfm_platform.demo.completejourney import transactions_file
from rfm_platform.settings import Settings


def test_the_calendar_holds_every_campaign_with_its_households(tmp_path: Path) -> None:
    campaigns = load_campaigns(write_calendar(tmp_path / "campaigns"))
    sent = pd.read_parquet(transactions_file().with_name("campaigns.parquet"))
    assert len(campaigns) == sent["campaign_id"].nunique() == 27
    for campaign in campaigns:
        assert campaign.customers is not None
        number = int(campaign.name.split(maxsplit=1)[0])
        listed = pd.read_csv(campaign.customers, dtype=str)
        expected = sent.loc[sent["campaign_id"] == number, "household_id"].astype(str)
        assert set(listed["marketplace"]) == {"completejourney"}
        assert sorted(listed["user_id"]) == sorted(expected)
    (largest,) = [campaign for campaign in campaigns if campaign.name == "18 (Type A)"]
    assert (largest.start, largest.end) == (dt.date(2017, 10, 30), dt.date(2017, 12, 24))


def test_a_demos_home_knows_its_calendar_and_invented_orders_have_none(settings: Settings) -> None:
    console = Console(quiet=True)
    settings.home.mkdir()
    invented = demo.load(settings, console, lines=100, days=10, seed=1)
    assert invented.campaigns_file is None
    real = demo.load(settings, console, lines=None, days=0, seed=0)
    assert len(load_campaigns(real.campaigns_file)) == 27
