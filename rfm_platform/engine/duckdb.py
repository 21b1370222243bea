"""DuckDB in this process, with bounded memory: SQL files over Parquet files and CSV streams.

A session is a scratch database: views over the lake's files and temporary tables, gone when it
ends. SQL comes from ``.sql`` files and values are bound, so nothing here builds a statement from
data. CSV passes through a named pipe, because that is the one stream which DuckDB's reader and
writer and PostgreSQL's COPY both speak at full speed.
"""

import datetime as dt
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from rfm_platform.engine.instances import scratch_database
from rfm_platform.engine.parquet import write_files
from rfm_platform.engine.pipes import read_from, write_to
from rfm_platform.engine.sql import as_postgres_reads, duckdb_type
from rfm_platform.errors import PlatformError
from rfm_platform.lake import LakeTable, readable

# Rows are CSV here only between us and PostgreSQL, which writes and reads exactly this dialect.
NULL_TEXT = r"\N"


class EngineError(PlatformError):
    """Rows that cannot be taken in: which column. Never the rows themselves."""


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

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """A scratch database. Whatever it spilled is removed at the end, also after an error."""
        self.spill.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="session-", dir=self.spill))
        try:
            with scratch_database(self.memory_limit, self.threads, scratch / "spill") as connection:
                yield Session(connection, scratch)
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
            self.create(name, table.columns, [])

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
        quoted = [f'"{column.name}" {duckdb_type(column)}' for column in columns]
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" ({", ".join(quoted)})')
        if rows:
            marks = ", ".join("?" * len(quoted))
            self._connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', list(rows))  # noqa: S608 - marks only

    def query(self, sql: str, **parameters: object) -> duckdb.DuckDBPyRelation:
        """The rows of a query, not yet computed."""
        return self._connection.sql(sql, params=parameters or None)

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        return self._connection.execute(sql, parameters or None).fetchall()

    def records(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Likewise, each row by its columns' names."""
        cursor = self._connection.execute(sql, parameters or None)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def arrays(self, sql: str) -> dict[str, NDArray[Any]]:
        """The rows of a query that gives numbers, none of them null: an array for each column."""
        found = self._connection.execute(sql).fetchnumpy()
        return {name: np.asarray(values) for name, values in found.items()}

    def create_from_arrays(self, name: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """A temporary table from arrays of one length."""
        self._connection.register("_arrays", dict(columns))
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS FROM _arrays')
        self._connection.unregister("_arrays")

    def define(self, name: str, sql: str) -> None:
        """Names a query: it is computed wherever it is read."""
        self._connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {sql}')

    def materialize(self, name: str, sql: str, **parameters: object) -> None:
        """Computes a query into a temporary table."""
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}', parameters)

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
        files = write_files(self._connection, table, query, values, parameters, directory=directory)
        table.commit(files, values)

    def load_csv(
        self,
        name: str,
        columns: Iterable[sa.Column[Any]],
        produce: Callable[[Callable[[bytes | memoryview], object]], object],
    ) -> None:
        """Fills a temporary table from a stream of CSV.

        Args:
            name: the table.
            columns: its columns, in the stream's order.
            produce: called in another thread with a function that takes the stream's bytes.

        Raises:
            Whatever `produce` raised: a broken stream is never a short table.
        """
        types = {column.name: duckdb_type(column) for column in columns}

        def produce_with_header(write: Callable[[bytes | memoryview], object]) -> None:
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

        def read(pipe: str) -> None:
            self._connection.read_csv(
                pipe,
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
            ).create(name)

        self._connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        try:
            read_from(self._new_pipe(), read, produce_with_header)
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
        self, query: str, columns: Iterable[sa.Column[Any]], write: Callable[[bytes], object]
    ) -> None:
        """Hands columns of a query to `write` as CSV that PostgreSQL's COPY reads."""
        projection = map(as_postgres_reads, columns)
        relation = self.query(f"SELECT {', '.join(projection)} FROM ({query})")  # noqa: S608 - names
        write_to(
            self._new_pipe(),
            lambda pipe: relation.write_csv(
                pipe, header=False, na_rep=NULL_TEXT, quotechar='"', escapechar='"'
            ),
            write,
        )

    def _new_pipe(self) -> Path:
        self._pipes += 1
        return self._scratch / f"pipe-{self._pipes}"
