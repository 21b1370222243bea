"""Any Spark Connect server as the engine: Sail, Apache Spark, embedded or on a cluster.

The server reads the lake's Parquet files and writes new ones beside them; nothing but small results
comes to this process, which commits to the Delta log as ever. So a lake is the same whichever
engine wrote it. What it takes is that server and client see the lake under one path.

A session has a directory in the lake's file system. A view is a directory of links to the files of
one version of a table: both servers take a partition's value from its directory's name, and none of
them can be told a list of files and their values.
"""

import datetime as dt
import re
import shutil
import socket
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from pyspark.sql.types import Row, StructType

from rfm_platform.engine.protocol import SESSION
from rfm_platform.engine.sail import embedded_remote
from rfm_platform.engine.spark_client import (
    CONNECT_SECONDS,
    DataFrame,
    DefaultPolicy,
    PySparkException,
    SparkSession,
    open_session,
    retry_forgotten,
)
from rfm_platform.engine.spark_dialect import to_spark
from rfm_platform.engine.spark_files import check_shared, link, take_over
from rfm_platform.engine.spark_types import spark_schema
from rfm_platform.errors import PlatformError
from rfm_platform.lake import LakeTable

_DEFAULT_PORT = 15002
# Seven seconds: a server that was started anew has forgotten the session.
_RETRIES = DefaultPolicy(max_retries=6, max_backoff=2000)


class SparkError(PlatformError):
    """A server that cannot be used, or a query that it would not run. Never a token."""


@dataclass(frozen=True)
class SparkEngine:
    """How to open sessions.

    Attributes:
        directory: for the sessions' files; in the lake's file system, which the server sees too.
        remote: `sc://host:port`, maybe with a token; None: an embedded Sail server.
    """

    directory: Path
    remote: str | None = field(default=None, repr=False)

    @contextmanager
    def session(self) -> Iterator["ConnectSession"]:
        """A session of the server. Whatever it wrote is removed at the end, also after an error.

        Raises:
            SparkError: there is no server, or it does not see the lake's directory.
        """
        scratch = self.directory / f"{SESSION}{uuid.uuid4().hex}"
        scratch.mkdir(parents=True)
        try:
            spark = self._connect()
            try:
                check_shared(spark, scratch, self.place)
                yield ConnectSession(spark, scratch)
            except PySparkException as error:
                raise SparkError(
                    f"{self.place} did not compute a query, nothing of which is in the lake. It "
                    f"says: {_told(error)}"
                ) from None
            finally:
                spark.client.set_retry_policies([])
                spark.stop()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @property
    def place(self) -> str:
        """The server's host and port, and nothing else: a token may follow them."""
        if self.remote is None:
            return "the embedded Sail server"
        host, port = _address(self.remote)
        return f"sc://[{host}]:{port}" if ":" in host else f"sc://{host}:{port}"

    def _connect(self) -> SparkSession:
        remote = self.remote or embedded_remote()
        try:
            # The client would try for ten minutes.
            socket.create_connection(_address(remote), CONNECT_SECONDS).close()
            spark = open_session(remote)
            spark.client.set_retry_policies([_RETRIES])
            # Timestamps have no zone here; casts between the two kinds must not move them.
            spark.conf.set("spark.sql.session.timeZone", "UTC")
        except Exception as error:  # gRPC's, pyspark's, the socket's: which one, the text says
            raise SparkError(
                f"{self.place} cannot be reached ({type(error).__name__}): is the server running, "
                "and is RFM_SPARK_REMOTE right?"
            ) from None
        return spark


class ConnectSession:
    """Views, tables and queries of one session of a server."""

    is_distributed = True

    def __init__(self, spark: SparkSession, scratch: Path) -> None:
        self._spark = spark
        self._scratch = scratch

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
        """Names the rows of a table's Parquet files; without files, an empty table of its shape."""
        if files:
            directory = self._new_directory(name)
            link(files, directory)
            self._name(name, self._read(directory, spark_schema(table.columns)))
        else:
            self.create(name, table.columns, [])

    def union(self, name: str, tables: Sequence[str], shape: sa.Table) -> None:
        """Names the rows of several tables together; they have a shape's columns in any order."""
        # Of one type: sums are wider where they were computed, and Sail takes the first one's.
        first, *others = (_typed(self._spark.table(table), shape) for table in tables)
        for other in others:
            first = first.union(other)
        self._name(name, first)

    def create(
        self, name: str, columns: Iterable[sa.Column[Any]], rows: Sequence[Sequence[object]]
    ) -> None:
        """A small table from values."""
        schema = spark_schema(columns)
        self._name(name, self._spark.createDataFrame([tuple(row) for row in rows], schema))

    def define(self, name: str, sql: str) -> None:
        """Names a query: it is computed wherever it is read."""
        self._name(name, self._query(sql, {}))

    def materialize(self, name: str, sql: str, **parameters: object) -> None:
        """Computes a query into files of the session.

        Files, because the servers share no other way to keep a result that is read several times.
        """
        frame = self._query(sql, parameters)
        directory = self._write(name, frame)
        if any(directory.glob("*.parquet")):
            self._name(name, self._read(directory, frame.schema))
        else:  # Sail writes no file for no row
            self._name(name, self._spark.createDataFrame([], frame.schema))

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        return [tuple(row) for row in self._collect(sql, parameters)]

    def records(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Likewise, each row by its columns' names."""
        return [row.asDict() for row in self._collect(sql, parameters)]

    def replace(
        self, table: LakeTable, query: str, values: Collection[dt.date], **parameters: object
    ) -> None:
        """Replaces partitions of a table by the rows of a query, in one commit of our own.

        Args:
            table: the lake's table.
            query: its rows; the columns by name. All of them lie in the given partitions.
            values: the partitions; those that have no row end up empty.
            parameters: the query's.
        """
        frame = _typed(self._query(query, parameters), table.shape)
        directory = self._write(table.name, frame, partitioned_by=table.partition_column)
        table.commit(take_over(directory, table), values)

    def _query(self, sql: str, parameters: dict[str, object]) -> DataFrame:
        # As text, because a naive timestamp would be bound in the client's own zone.
        bound = {
            name: value.isoformat() if isinstance(value, dt.date) else value
            for name, value in parameters.items()
        }
        return retry_forgotten(lambda: self._spark.sql(to_spark(sql), bound or None))

    def _collect(self, sql: str, parameters: dict[str, object]) -> list[Row]:
        return retry_forgotten(self._query(sql, parameters).collect)

    def _write(self, name: str, frame: DataFrame, partitioned_by: str | None = None) -> Path:
        def write() -> Path:
            directory = self._new_directory(name)
            writer = frame.write.option("compression", "zstd")
            if partitioned_by is not None:
                writer = writer.partitionBy(partitioned_by)
            writer.parquet(str(directory))
            return directory

        return retry_forgotten(write)

    def _read(self, directory: Path, schema: StructType) -> DataFrame:
        return self._spark.read.schema(schema).parquet(str(directory))

    def _name(self, name: str, frame: DataFrame) -> None:
        retry_forgotten(lambda: frame.createOrReplaceTempView(name))

    def _new_directory(self, name: str) -> Path:
        return self._scratch / f"{name}-{uuid.uuid4().hex}"


def _address(remote: str) -> tuple[str, int]:
    found = urlsplit(remote)
    return found.hostname or "", found.port or _DEFAULT_PORT


def _typed(frame: DataFrame, shape: sa.Table) -> DataFrame:
    """A shape's columns of some rows, in its order and types."""
    return frame.select(*(frame[f.name].cast(f.dataType) for f in spark_schema(shape.columns)))


def _told(error: PySparkException) -> str:
    """What a server says, without its stack trace; a query of ours holds no value of a row."""
    text = str(error).strip()
    # A broken call says what it is in a line of its own.
    found = re.search(r'details = "(.*)', text)
    told = found[1] if found else text.partition("\n")[0]
    return told[:300] or type(error).__name__
