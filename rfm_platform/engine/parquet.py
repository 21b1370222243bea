"""Rows of a query as Parquet files beside a lake's table: a commit then puts them in place."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from rfm_platform.engine.instances import use_scratch
from rfm_platform.engine.sql import duckdb_type
from rfm_platform.engine.statements import parsed
from rfm_platform.errors import PlatformError
from rfm_platform.lake import LakeTable, WrittenFile

# A dictionary of more values than that is tried for columns that have one value a row, and thrown
# away: a fifth of writing. With smaller groups of rows more of the work stays in the cache.
_FORMAT = (
    "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440, DICTIONARY_SIZE_LIMIT 1000, "
    "RETURN_STATS"
)
# Rows of an average partition from which on a statement for each is cheaper than DuckDB's
# partitioned writer: a third less at 18,000, nothing at 5,000.
ROWS_OF_A_STATEMENT = 8_000


class LostRowsError(PlatformError):
    """Rows of a query that lie in none of the partitions they were said to lie in."""


@dataclass(frozen=True)
class FileWriter:
    """Writes the rows of a query as new files of a table.

    Attributes:
        connection: that knows the query's tables.
        table: the lake's table.
        query: its columns, by name.
        parameters: the query's.
        directory: for the files: in it a directory for each partition.
    """

    connection: duckdb.DuckDBPyConnection
    table: LakeTable
    query: str
    parameters: Mapping[str, object]
    directory: Path

    def write(self, values: Collection[dt.date]) -> list[WrittenFile]:
        """Writes all rows, each of which lies in one of some partitions.

        Raises:
            LostRowsError: one lies in none of them.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if len(values) == 1:
            return self._write_partition(self.connection, self.query, min(values), self.parameters)
        rows = self._count()
        by_statement = rows >= ROWS_OF_A_STATEMENT * len(values)
        files = self._write_each(values) if by_statement else self._write_partitions()
        there = sum(file.rows for file in files if file.partition in values)
        if there != rows:
            raise LostRowsError(
                f"{self.table.name}: {rows - there} rows lie in none of the partitions to replace, "
                f"{min(values)} to {max(values)}"
            )
        return files

    def _count(self) -> int:
        counted = f"SELECT COUNT(*) FROM ({self.query})"  # noqa: S608 - a query of ours
        ((rows,),) = self.connection.execute(parsed(counted), self.parameters).fetchall()
        return int(rows)

    def _write_each(self, values: Collection[dt.date]) -> list[WrittenFile]:
        """A statement for each partition, as many at once as DuckDB has threads."""

        def write_one(value: dt.date) -> list[WrittenFile]:
            column = self.table.partition_column
            query = f"FROM ({self.query}) WHERE {column} = $_partition"
            with self.connection.cursor() as connection:
                use_scratch(connection)
                parameters = {**self.parameters, "_partition": value}
                return self._write_partition(connection, query, value, parameters)

        ((threads,),) = self.connection.execute("SELECT current_setting('threads')").fetchall()
        with ThreadPoolExecutor(threads) as writers:
            written = [writers.submit(write_one, value) for value in sorted(values)]
        return [file for one in written for file in one.result()]

    def _write_partition(
        self,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        value: dt.date,
        parameters: Mapping[str, object],
    ) -> list[WrittenFile]:
        path = self.directory / self.table.directory(value).name / f"part-{uuid.uuid4()}.parquet"
        path.parent.mkdir(exist_ok=True)
        columns = self.table.shape.columns
        others = [c for c in columns if c.name != self.table.partition_column]
        ((_, rows, size, *_),) = self._copy(connection, others, query, path, parameters)
        if rows:
            return [WrittenFile(path, value, rows, size)]
        path.unlink()
        return []

    def _write_partitions(self) -> list[WrittenFile]:
        column = self.table.partition_column
        options = (
            f", PARTITION_BY ({column}), OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'part-{{uuid}}'"
        )
        columns = self.table.shape.columns
        written = self._copy(
            self.connection, columns, self.query, self.directory, self.parameters, options=options
        )
        return [
            WrittenFile(Path(path), dt.date.fromisoformat(partition[column]), rows, size)
            for path, rows, size, _footer, _columns, partition, *_ in written
        ]

    def _copy(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Iterable[sa.Column[Any]],
        query: str,
        path: Path,
        parameters: Mapping[str, object],
        *,
        options: str = "",
    ) -> list[tuple[Any, ...]]:
        typed = ", ".join(f'CAST("{c.name}" AS {duckdb_type(c)}) AS "{c.name}"' for c in columns)
        copy = f"COPY (SELECT {typed} FROM ({query})) TO $_path ({_FORMAT}{options})"  # noqa: S608 - our SQL, values are bound
        return connection.execute(parsed(copy), {**parameters, "_path": str(path)}).fetchall()
