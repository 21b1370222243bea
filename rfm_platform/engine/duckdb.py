"""DuckDB in this process, with bounded memory: SQL files over Parquet files and CSV streams.

A session is a scratch database: views over the lake's files and temporary tables, gone when it
ends. SQL comes from ``.sql`` files and values are bound, so nothing here builds a statement from
data. What PostgreSQL's COPY gives comes in as CSV through a named pipe, the one stream of it that
DuckDB reads at full speed; what COPY takes goes out in its binary form.
"""

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from rfm_platform.engine.binary_streams import COPY_FORMAT, dump_binary
from rfm_platform.engine.csv_streams import Write, append_csv, dump_csv
from rfm_platform.engine.instances import scratch_database, use_scratch
from rfm_platform.engine.parquet import FileWriter
from rfm_platform.engine.protocol import SESSION
from rfm_platform.engine.sql import duckdb_type
from rfm_platform.engine.statements import parsed
from rfm_platform.lake import LakeTable, readable
from rfm_platform.warehouse import CopyFormat

INTERRUPTED = "Query interrupted"  # of DuckDB's RuntimeError


@dataclass(frozen=True)
class DuckDBEngine:
    """How to open sessions.

    Attributes:
        memory_limit: bytes; beyond it DuckDB spills.
        spill: directory to spill into; each session makes its own inside and removes it.
        threads: None for all cores.
    """

    memory_limit: int
    spill: Path
    threads: int | None = None

    def share(self, sessions: int) -> "DuckDBEngine":
        """The engine for each of so many sessions at once: its part of the memory."""
        return replace(self, memory_limit=self.memory_limit // sessions)

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """A scratch database. Whatever it spilled is removed at the end, also after an error.

        Raises:
            KeyboardInterrupt: a signal ended a query. DuckDB makes an error like any other of what
                a signal's handler raises, and a run that a node sends away would count as failed
                by itself, which nobody tries again.
        """
        self.spill.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=SESSION, dir=self.spill))
        try:
            with scratch_database(self.memory_limit, self.threads, scratch / "spill") as connection:
                yield Session(connection, scratch)
        except RuntimeError as error:
            if str(error) == INTERRUPTED:
                raise KeyboardInterrupt from error
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class Session:
    """Views, temporary tables and queries of one scratch database."""

    is_distributed = False

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        self._connection = connection
        self._scratch = scratch
        self._pipes = 0

    def view(
        self,
        table: LakeTable,
        first: dt.date | None = None,
        last: dt.date | None = None,
        *,
        name: str | None = None,
    ) -> None:
        """Names a table's partitions between two dates, inclusive; by default by its own name."""
        self.view_files(name or table.name, table.files(first, last), table.shape)

    def view_files(self, name: str, files: Sequence[str], table: sa.Table) -> None:
        """Names the rows of Parquet files; without files, an empty table of that shape."""
        if files:
            paths = readable(files, self._scratch)
            relation = self._connection.read_parquet(paths, hive_partitioning=True)
            relation.create_view(name, replace=True)
        else:
            # A view as well: one name may stand for files first and for none later, or vice versa.
            empty = f"{name} without rows"
            self.create(empty, table.columns, [])
            self.define(name, f'FROM "{empty}"')

    def union(self, name: str, tables: Sequence[str], shape: sa.Table) -> None:
        """Names the rows of several tables together; they have a shape's columns in any order."""
        columns = ", ".join(f'"{column.name}"' for column in shape.columns)
        relation = self._connection.table(tables[0]).project(columns)
        for table in tables[1:]:
            relation = relation.union(self._connection.table(table).project(columns))
        relation.create_view(name, replace=True)

    def create(
        self,
        name: str,
        columns: Iterable[sa.Column[Any]],
        rows: Sequence[Sequence[object]],
    ) -> None:
        """A small temporary table from values."""
        columns = list(columns)
        quoted = [f'"{column.name}" {duckdb_type(column)}' for column in columns]
        self._execute(f'CREATE OR REPLACE TABLE "{name}" ({", ".join(quoted)})')
        if rows:
            # A list for each column: fifty times faster than a statement for each row.
            lists = ", ".join(f"UNNEST(CAST(? AS {duckdb_type(column)}[]))" for column in columns)
            values = [list(column) for column in zip(*rows, strict=True)]
            self._execute(f'INSERT INTO "{name}" SELECT {lists}', values)

    def query(self, sql: str, **parameters: object) -> duckdb.DuckDBPyRelation:
        """The rows of a query, not yet computed."""
        return self._connection.sql(parsed(sql), params=parameters or None)

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        return self._execute(sql, parameters or None).fetchall()

    def records(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Likewise, each row by its columns' names."""
        cursor = self._execute(sql, parameters or None)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def arrays(self, sql: str) -> dict[str, NDArray[Any]]:
        """The rows of a query that gives numbers, none of them null: an array for each column."""
        found = self._execute(sql).fetchnumpy()
        return {name: np.asarray(values) for name, values in found.items()}

    def create_from_arrays(self, name: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """A temporary table from arrays of one length."""
        self._connection.register("_arrays", dict(columns))
        self._connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS FROM _arrays')
        self._connection.unregister("_arrays")

    def define(self, name: str, sql: str) -> None:
        """Names a query: it is computed wherever it is read."""
        self._execute(f'CREATE OR REPLACE VIEW "{name}" AS {sql}')

    def materialize(self, name: str, sql: str, **parameters: object) -> None:
        """Computes a query into a temporary table."""
        self._execute(f'CREATE OR REPLACE TABLE "{name}" AS {sql}', parameters)

    def replace(
        self, table: LakeTable, query: str, values: Collection[dt.date], **parameters: object
    ) -> None:
        """Replaces partitions of a table by the rows of a query.

        Args:
            table: the lake's table.
            query: its rows; the columns by name. All of them lie in the given partitions.
            values: the partitions; those that have no row end up empty.
            parameters: the query's.
        """
        directory = table.store.staging(self._scratch)
        writer = FileWriter(self._connection, table, query, parameters, directory)
        table.commit(writer.write(values), values)

    def load_csv(
        self,
        name: str,
        columns: Iterable[sa.Column[Any]],
        *produce: Callable[[Write], object],
    ) -> None:
        """Fills a table of the session from streams of CSV, all at once.

        Args:
            name: the table.
            columns: its columns, in the streams' order; computed ones are not in the streams.
            produce: for each stream, called in another thread with a function that takes its
                bytes.

        Raises:
            Whatever a `produce` raised: a broken stream is never a short table.
        """
        columns = list(columns)
        shape = ", ".join(f'"{column.name}" {duckdb_type(column)}' for column in columns)
        self._execute(f'CREATE OR REPLACE TABLE "{name}" ({shape})')

        def append(stream: Callable[[Write], object], pipe: Path) -> None:
            with self._connection.cursor() as connection:
                use_scratch(connection)
                append_csv(connection, name, columns, pipe, stream)

        with ThreadPoolExecutor(len(produce)) as threads:
            appended = [threads.submit(append, stream, self._new_pipe()) for stream in produce]
        for one in appended:  # all have ended, before an error of one leaves
            one.result()

    def dump(
        self,
        query: str,
        columns: Iterable[sa.Column[Any]],
        write: Callable[[bytes], object],
        form: CopyFormat = COPY_FORMAT,
    ) -> None:
        """Hands columns of a query to `write` in a form that PostgreSQL's COPY reads."""
        if form == "binary":
            dump_binary(self.query(query), columns, write)
        else:
            dump_csv(self.query(query), columns, self._new_pipe(), write)

    def _execute(self, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(parsed(sql), parameters)

    def _new_pipe(self) -> Path:
        self._pipes += 1
        return self._scratch / f"pipe-{self._pipes}"
