"""Invented cosmetics orders from five marketplaces: as many lines as asked for, streamed.

Everything that the real data lacks is here: cancellations and returns in the many spellings of a
flag, shipping fees, names, two currencies, campaign days, and dirty rows of each kind that the
platform must keep out of its totals and report. An order never lies on two days.

A row is drawn from the hash of the seed and its number, never from a random generator: the same
seed gives the same rows, in the same order, whatever the machine's threads. The hash is DuckDB's,
so another version of DuckDB may give other rows.
"""

import datetime as dt
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle

import duckdb
import numpy as np

from rfm_platform.demo.mart import Loaded, Progress, engine, replaced_mart, sql, stream
from rfm_platform.postgres import Database

TIMEZONE = "Asia/Jakarta"
DAYS = 730
SEED = 1
END_DATE = dt.date(2024, 12, 31)
# 100,000 lines are made at a time: memory does not depend on how many there are in all.
BLOCKS_AT_ONCE = 10_000
# A chunk is too small to share out: one more thread costs a quarter more CPU. While a chunk is read
# the next one is made, and PostgreSQL needs a core as well.
THREADS = 1
# An order's number is its block times this, plus its place in it (see synthetic_orders.sql).
ORDERS_PER_BLOCK = 6


@dataclass(frozen=True)
class _Calendar:
    blocks: int
    first_day: dt.date
    last_day: dt.date


def load(
    database: Database,
    *,
    lines: int,
    days: int = DAYS,
    seed: int = SEED,
    end_date: dt.date = END_DATE,
    dirty: bool = True,
    progress: Progress = lambda _done, _total: None,
) -> Loaded:
    """Replace the mart by invented orders.

    Args:
        database: the data mart.
        lines: how many order lines, exactly.
        days: how many days they spread over.
        seed: another one gives other orders.
        end_date: the last day.
        dirty: whether some rows break the rules. In every 2,500 lines there is then one order of
            each kind in ``synthetic_catalogue.sql``, and in 50 order numbers one is in the form
            that recurs in other marketplaces.
        progress: called with lines done and lines in all.

    Raises:
        ValueError: no line or no day is asked for.
        DatabaseError: the mart cannot be reached, or was not made by a demo.
    """
    if lines < 1 or days < 1:
        raise ValueError("a synthetic mart needs at least one line and one day")
    with engine(threads=THREADS) as source:
        calendar = _prepare(source, lines=lines, days=days, seed=seed, end_date=end_date)
        seen = np.zeros(calendar.blocks * ORDERS_PER_BLOCK, dtype=np.bool_)
        orders = done = 0
        chunks = _chunks(source, calendar.blocks, seed=seed, dirty=dirty)
        with replaced_mart(database) as mart, closing(chunks):
            for chunk in chunks:
                stream(mart, sql("copy_lines.sql"), chunk, sql("synthetic_export_lines.sql"))
                stream(mart, sql("copy_recipients.sql"), chunk, sql("synthetic_recipients.sql"))
                made = chunk.execute(sql("synthetic_count.sql")).fetchnumpy()
                numbers, is_known = map(np.asarray, (made["customer_number"], made["is_known"]))
                seen[numbers[is_known]] = True
                orders += len(numbers)
                done += int(np.sum(made["size"]))
                progress(done, lines)
    return Loaded(
        lines=done,
        orders=orders,
        customers=int(seen.sum()),
        first_day=calendar.first_day,
        last_day=calendar.last_day,
        timezone=TIMEZONE,
    )


def _prepare(
    source: duckdb.DuckDBPyConnection, *, lines: int, days: int, seed: int, end_date: dt.date
) -> _Calendar:
    """Make the tables that all chunks share."""
    source.execute(sql("synthetic_catalogue.sql"))
    source.execute(
        sql("synthetic_calendar.sql"),
        {"lines": lines, "days": days, "seed": seed, "end_date": end_date},
    )
    [(blocks, first_day, last_day)] = source.execute(sql("synthetic_extent.sql")).fetchall()
    return _Calendar(blocks, first_day, last_day)


def _chunks(
    source: duckdb.DuckDBPyConnection, blocks: int, *, seed: int, dirty: bool
) -> Generator[duckdb.DuckDBPyConnection, None, None]:
    """Connections with the next chunk in their own temporary tables ``orders`` and ``lines``.

    While one is being read, the chunk after it is made in the other.
    """

    def make(connection: duckdb.DuckDBPyConnection, first_block: int) -> duckdb.DuckDBPyConnection:
        connection.execute(
            sql("synthetic_orders.sql"),
            {
                "first_block": first_block,
                "last_block": first_block + BLOCKS_AT_ONCE,
                "seed": seed,
                "dirty": dirty,
            },
        )
        return connection.execute(sql("synthetic_lines.sql"))

    with (
        source.cursor() as one,
        source.cursor() as other,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        turns = cycle((one, other))
        made = pool.submit(make, next(turns), 0)
        for first_block in range(BLOCKS_AT_ONCE, blocks, BLOCKS_AT_ONCE):
            ready = made.result()
            made = pool.submit(make, next(turns), first_block)
            yield ready
        yield made.result()
