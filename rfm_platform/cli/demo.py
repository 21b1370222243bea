"""`rfm demo`: fill the embedded mart, and write down which days this home is about."""

import datetime as dt
from pathlib import Path

from rich.console import Console

from rfm_platform.cli.arguments import UsageError
from rfm_platform.cli.progress import bar
from rfm_platform.demo import Loaded, campaigns, completejourney, synthetic
from rfm_platform.errors import PlatformError
from rfm_platform.home import other_lines
from rfm_platform.settings import HOME_FILE, Settings, read_settings, set_in_environment
from rfm_platform.wiring import build_platform, source_database, warehouse_database

CAMPAIGNS = "campaigns"
HEADING = (
    "# Written by `rfm demo`: the days that this home is about. The environment overrides it.\n"
)


def load(
    settings: Settings, console: Console, *, lines: int | None, days: int | None, seed: int | None
) -> Settings:
    """Loads the mart and returns the home's settings, for the days that it now holds.

    Args:
        lines: how many lines to invent; None: the real orders.
        days: that the lines cover; None: two years.
        seed: of the lines; None: always the same one.

    Raises:
        PlatformError: the home holds orders of other days, which would be taken for the same
            company's.
    """
    days = synthetic.DAYS if days is None else days
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
            calendar = campaigns.write_calendar(settings.home / CAMPAIGNS)
        else:
            seed = synthetic.SEED if seed is None else seed
            loaded = synthetic.load(database, lines=lines, days=days, seed=seed, progress=advance)
    console.print(
        f"{loaded.lines:,} order lines, {loaded.orders:,} orders, {loaded.customers:,} customers, "
        f"{loaded.first_day} to {loaded.last_day} ({loaded.timezone})"
    )
    _remember(settings, loaded, calendar)
    return read_settings(settings.home)


def refuse_what_does_not_fit(
    settings: Settings, *, lines: int | None, days: int | None, seed: int | None
) -> None:
    """Raises a UsageError where options or variables would be ignored, or the demo spoilt."""
    if lines is None and not (days is None and seed is None):
        raise UsageError("--days and --seed are of invented orders: add --synthetic LINES.")
    if settings.source_url or settings.warehouse_url or settings.lake_url:
        raise UsageError(
            "The demo fills the embedded servers and a lake in its home. Unset RFM_SOURCE_URL, "
            "RFM_WAREHOUSE_URL and RFM_LAKE_URL first."
        )
    others = set_in_environment("RFM_START_DATE", "RFM_END_DATE", "RFM_TIMEZONE")
    if others:
        raise UsageError(
            "The demo's orders have their own days and zone, which the environment overrides. "
            f"Unset {' and '.join(others)} first."
        )


def _refuse_others_orders(settings: Settings, first: dt.date, last: dt.date) -> None:
    loaded = [day.value for day in build_platform(settings).lake.source_orders.partitions()]
    ours = "that one (`make clean`)" if settings.home == Path(".rfm").absolute() else settings.home
    if loaded and not first <= loaded[0] <= loaded[-1] <= last:
        raise PlatformError(
            f"{settings.home} holds orders of {loaded[0]} to {loaded[-1]}, and these are of "
            f"{first} to {last}: both would be counted together. Set RFM_HOME to another "
            f"directory, or remove {ours}."
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


def _remember(settings: Settings, loaded: Loaded, calendar: Path | None) -> None:
    """Writes the demo's variables into the home's file, which keeps its other lines."""
    ours = {
        "RFM_START_DATE": loaded.first_day,
        "RFM_END_DATE": loaded.last_day,
        "RFM_TIMEZONE": loaded.timezone,
        "RFM_CURRENCY": loaded.currency,
        "RFM_CURRENCY_DECIMALS": loaded.currency_decimals,
        "RFM_SCHEDULES": "false",
    }
    replaced = {*ours}
    if calendar is not None:
        ours["RFM_CAMPAIGNS_FILE"] = calendar.absolute()
    an_earlier_demos = settings.home / CAMPAIGNS / campaigns.CALENDAR
    if calendar is not None or settings.campaigns_file == an_earlier_demos:
        replaced.add("RFM_CAMPAIGNS_FILE")
    file = settings.home / HOME_FILE
    theirs = other_lines(file, replaced).replace(HEADING, "")
    lines = "".join(f"{name}={value}\n" for name, value in ours.items())
    file.touch(0o600)  # people write addresses with passwords into it
    file.write_text(f"{HEADING}{lines}{theirs}", encoding="utf-8")
