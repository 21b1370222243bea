"""Rows of DuckDB in the binary form of PostgreSQL's COPY, where something encodes it.

It costs the server half as much to read as CSV, and less to write.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import duckdb
import sqlalchemy as sa
from arro3.core import RecordBatchReader

from rfm_platform.engine.csv_streams import EngineError
from rfm_platform.engine.sql import duckdb_type
from rfm_platform.warehouse import CopyFormat

try:
    from pgpq import ArrowToPostgresBinaryEncoder
except ImportError:  # it has no wheel for Linux on ARM
    COPY_FORMAT: CopyFormat = "csv"
else:
    COPY_FORMAT = "binary"

# Of DuckDB's 120,000 that come at once: they stay in the cache, and in little memory.
ROWS_AT_ONCE = 8_192


def dump_binary(
    rows: duckdb.DuckDBPyRelation,
    columns: Iterable[sa.Column[Any]],
    write: Callable[[bytes], object],
) -> None:
    """Hands columns of rows to `write` in the binary form of PostgreSQL's COPY.

    The form has no conversions: each column is sent as exactly the catalogue's type.

    Raises:
        EngineError: the query fails.
    """
    cast = (f'CAST("{c.name}" AS {duckdb_type(c)}) AS "{c.name}"' for c in columns)
    # Any: the encoder is typed for pyarrow, takes whatever speaks Arrow, and need not import it.
    batches: Any = RecordBatchReader.from_arrow(rows.project(", ".join(cast)))
    encoder = ArrowToPostgresBinaryEncoder(batches.schema)
    write(encoder.write_header())
    for batch in _computed(batches):
        for first in range(0, batch.num_rows, ROWS_AT_ONCE):
            some = batch.slice(first, min(ROWS_AT_ONCE, batch.num_rows - first))
            write(encoder.write_batch(some))
    write(encoder.finish())


def _computed(batches: Iterable[Any]) -> Iterator[Any]:
    """The batches. An error of whoever takes them is not raised in here."""
    try:
        yield from batches
    except Exception as error:  # Arrow's interface has no class for DuckDB's, only a text
        reason = str(error).removeprefix("C Data interface error: ")
        raise EngineError(f"rows to be published cannot be computed: {reason}") from None
