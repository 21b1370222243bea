"""Streams of CSV between DuckDB and PostgreSQL's COPY, in the one dialect that both speak."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from rfm_platform.engine.pipes import read_from, write_to
from rfm_platform.engine.sql import as_postgres_reads, duckdb_type
from rfm_platform.errors import PlatformError

NULL_TEXT = r"\N"
Write = Callable[[bytes | memoryview], object]


class EngineError(PlatformError):
    """Rows that cannot be taken in, or computed: which column, why. Never the rows themselves."""


def append_csv(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: Sequence[sa.Column[Any]],
    pipe: Path,
    produce: Callable[[Write], object],
) -> None:
    """Appends to a table what `produce`, called in another thread, hands to its argument.

    Args:
        connection: nobody else's meanwhile.
        name: the table.
        columns: its columns, in the stream's order; computed ones are not in the stream.
        pipe: a path that is free.
        produce: the stream.

    Raises:
        Whatever `produce` raised: a broken stream is never a short table.
    """
    types = {c.name: duckdb_type(c) for c in columns if c.computed is None}
    values = [f'"{c.name}"' if c.computed is None else str(c.computed.sqltext) for c in columns]

    def produce_with_header(write: Write) -> None:
        # A first value that begins with U+FEFF would be taken for the file's own mark.
        last: bytes | memoryview = ",".join(types).encode() + b"\n"
        write(last)

        def pass_on(chunk: bytes | memoryview) -> object:
            nonlocal last
            last = chunk or last
            return write(chunk)

        produce(pass_on)
        # DuckDB would take a quote without end for a whole value.
        if bytes(last[-1:]) != b"\n":
            raise EngineError(f"{name}: the stream ended within a row")

    def read(path: str) -> None:
        rows = connection.read_csv(
            path,
            columns=types,
            header=True,
            auto_detect=False,
            parallel=False,
            delimiter=",",
            # Told, not guessed: a value may hold any line end.
            lineterminator=duckdb.CSVLineTerminator.LINE_FEED,
            quotechar='"',
            escapechar='"',
            na_values=NULL_TEXT,
            allow_quoted_nulls=False,
        )
        rows.project(", ".join(values)).insert_into(name)

    try:
        read_from(pipe, read, produce_with_header)
    except EngineError as error:
        raise error from None
    except duckdb.Error as error:
        # DuckDB's message quotes the row: a person's name may be in it.
        column = re.search(r'converting column "([^"]*)"', str(error))
        where = f"column {column[1]}" if column else "a column"
        raise EngineError(
            f"{name}: a value of {where} cannot be read ({type(error).__name__})"
        ) from None


def dump_csv(
    rows: duckdb.DuckDBPyRelation,
    columns: Iterable[sa.Column[Any]],
    pipe: Path,
    write: Callable[[bytes], object],
) -> None:
    """Hands columns of rows to `write` as CSV that PostgreSQL's COPY reads."""
    projected = rows.project(", ".join(map(as_postgres_reads, columns)))
    write_to(
        pipe,
        lambda path: projected.write_csv(
            path, header=False, na_rep=NULL_TEXT, quotechar='"', escapechar='"'
        ),
        write,
    )
