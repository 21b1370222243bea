"""The two tables of a data mart, made anew and filled by streaming: what both demos share.

Rows never lie in Python: DuckDB writes CSV into a pipe and PostgreSQL's COPY reads it. A load is
one transaction, so a failed one leaves the previous mart as it was. Which rows there are is for
the modules beside this one. Only a mart that a demo made is ever replaced; a real one, whose
tables have the same names, is refused.
"""

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import duckdb
import psycopg

from rfm_platform.postgres import Database, DatabaseError

PIPE_READ_BYTES = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the lines that are loaded and the lines that there will be."""


@dataclass(frozen=True)
class Loaded:
    """What a demo put into the mart.

    Attributes:
        lines: rows of ``flatten_order_marketplace``.
        orders: distinct orders among them.
        customers: distinct (marketplace, user_id), without null and empty user_ids.
        first_day: local day of the first line.
        last_day: local day of the last line.
        timezone: the zone of ``create_timestamp``.
        currency, currency_decimals: of the base amounts; cents have two decimals.
    """

    lines: int
    orders: int
    customers: int
    first_day: dt.date
    last_day: dt.date
    timezone: str
    currency: str = "IDR"
    currency_decimals: int = 0


def sql(name: str) -> str:
    """The text of a file in ``sql/``."""
    return (resources.files(__package__) / "sql" / name).read_text(encoding="utf-8")


def engine(threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that downloads nothing: its time zones and Parquet are built in."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "async_threads": 0,  # see rfm_platform.engine
    }
    if threads is not None:
        config["threads"] = threads
    return duckdb.connect(config=config)


@contextmanager
def replaced_mart(database: Database) -> Iterator[psycopg.Connection]:
    """The transaction of a load: empty tables at first, indexed and analyzed at the end.

    Raises:
        DatabaseError: the database cannot be reached, or it holds tables that no demo made.
    """
    with database.connect() as connection:
        foreign = foreign_tables(connection)
        if foreign:
            raise DatabaseError(
                f"{database.label} already has {' and '.join(foreign)}, not made by a demo: "
                "nothing was changed. Load the demo into another database, or drop them yourself."
            )
        create_tables(connection)
        yield connection
        complete_tables(connection)


def foreign_tables(connection: psycopg.Connection) -> list[str]:
    """Tables with our names that carry not our comment: somebody's real data."""
    rows = connection.execute(sql("find_foreign_tables.sql").encode())
    return [str(name) for (name,) in rows]


def create_tables(connection: psycopg.Connection) -> None:
    """Drop and create both tables, whatever they hold."""
    connection.execute(sql("create_mart.sql").encode())


def complete_tables(connection: psycopg.Connection) -> None:
    """What is cheaper after the rows than before them: indexes and statistics."""
    connection.execute(sql("complete_mart.sql").encode())


def stream(
    connection: psycopg.Connection,
    into: str,
    source: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    on_rows: Callable[[int], None] = lambda _: None,
) -> None:
    r"""Run a DuckDB ``COPY (…) TO $pipe`` into a PostgreSQL ``COPY … FROM STDIN``.

    Both must speak CSV with ``\N`` for null. DuckDB quotes a text that is ``\N``, so it stays a
    text; an empty field stays an empty text.

    Args:
        connection: whose open transaction takes the rows.
        into: its COPY.
        source: runs the query in a thread of its own; not to be used until this returns.
        query: the other COPY.
        parameters: the query's, without ``pipe``.
        on_rows: called with the line ends written so far (rows, where no text holds one).

    Raises:
        duckdb.Error: the query failed; the COPY is cancelled.
        psycopg.Error: PostgreSQL refused the rows.
    """
    read_end, write_end = os.pipe()

    def produce() -> None:
        try:
            source.execute(query, {**(parameters or {}), "pipe": f"/dev/fd/{write_end}"})
        finally:
            os.close(write_end)

    # On an error the pipe closes before the pool waits: the query ends at its next write.
    with ThreadPoolExecutor(max_workers=1) as pool, os.fdopen(read_end, "rb", 0) as pipe:
        produced = pool.submit(produce)
        with connection.cursor() as cursor, cursor.copy(into.encode()) as copy:
            rows = 0
            while block := pipe.read(PIPE_READ_BYTES):
                copy.write(block)
                rows += block.count(b"\n")
                on_rows(rows)
            produced.result()
