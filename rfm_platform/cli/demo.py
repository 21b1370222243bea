"""`rfm demo`: fill the embedded mart, and write down which days this home is about."""

import datetime as dt
from pathlib import Path

from rich.console import Console

from rfm_platform.cli.progress import bar
from rfm_platform.demo import Loaded, campaigns, completejourney, synthetic
from rfm_platform.errors import PlatformError
from rfm_platform.settings import HOME_FILE, Settings, read_settings
from rfm_platform.wiring import build_platform, source_database, warehouse_database


def load(
    settings: Settings, console: Console, *, lines: int | None, days: int, seed: int
) -> Settings:
    """Loads the mart and returns the home's settings, for the days that it now holds.

    Args:
        lines: how many lines to invent; None: the real orders.

    Raises:
        PlatformError: the home holds orders of other days, which would be taken for the same
            company's.
    """
    if lines is None:
        days_of_demo = completejourney.FIRST_DAY, completejourney.LAST_DAY
    else:
        last = synthetic.END_DATE
        days_of_demo = last - dt.timedelta(days=days - 1), last
    _refuse_others_orders(settings, *days_of_demo)
    database = source_database(settings)
    with bar(console) as progress:
        task = progress.add_task("orders into the mart", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        calendar = None
        if lines is None:
            loaded = completejourney.load(database, progress=advance)
            calendar = campaigns.write_calendar(settings.home / "campaigns")
        else:
            loaded = synthetic.load(database, lines=lines, days=days, seed=seed, progress=advance)
    console.print(
        f"{loaded.lines:,} order lines, {loaded.orders:,} orders, {loaded.customers:,} customers, "
        f"{loaded.first_day} to {loaded.last_day} ({loaded.timezone})"
    )
    _remember(settings.home, loaded, calendar)
    return read_settings(settings.home)


def _refuse_others_orders(settings: Settings, first: dt.date, last: dt.date) -> None:
    loaded = [day.value for day in build_platform(settings).lake.source_orders.partitions()]
    if loaded and not first <= loaded[0] <= loaded[-1] <= last:
        raise PlatformError(
            f"{settings.home} holds orders of {loaded[0]} to {loaded[-1]}, and these are of "
            f"{first} to {last}: both would be counted together. Set RFM_HOME to another "
            "directory, or remove that one (`make clean`)."
        )


def show_next_steps(settings: Settings, console: Console) -> None:
    """Where to look after a demo."""
    where = warehouse_database(settings).conninfo()
    console.print(
        "\nWhere to look next:\n"
        "  make ui                      every day with its checks, in Dagster (rfm ui)\n"
        "  .venv/bin/rfm show monthly   also: segments, cohorts, checks\n"
        f"  psql -h {where['host']} -p {where['port']} -U {where['user']} {where['dbname']}\n"
        "                               schema rfm, every table and column commented",
        highlight=False,
        soft_wrap=True,
    )


def _remember(home: Path, loaded: Loaded, calendar: Path | None) -> None:
    campaigns_file = f"RFM_CAMPAIGNS_FILE={calendar.absolute()}\n" if calendar else ""
    (home / HOME_FILE).write_text(
        "# Written by `rfm demo`: the days that this home is about. The environment overrides it.\n"
        f"RFM_START_DATE={loaded.first_day}\n"
        f"RFM_END_DATE={loaded.last_day}\n"
        f"RFM_TIMEZONE={loaded.timezone}\n"
        f"RFM_CURRENCY={loaded.currency}\n"
        f"RFM_CURRENCY_DECIMALS={loaded.currency_decimals}\n"
        f"{campaigns_file}"
        "RFM_SCHEDULES=false\n",
        encoding="utf-8",
    )
