"""One Delta table over Parquet: its partitions, their replacement in one commit, its versions."""

import datetime as dt
import fcntl
import hashlib
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.schema import ArrayType, PrimitiveType
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from rfm_platform.errors import PlatformError

_TYPES: dict[type[sa.types.TypeEngine[Any]], str] = {
    sa.Text: "string",
    sa.BigInteger: "long",
    sa.SmallInteger: "short",
    sa.Integer: "integer",
    sa.DateTime: "timestamp_ntz",
    sa.Date: "date",
    sa.Boolean: "boolean",
    sa.Float: "double",
}


class GoneError(PlatformError):
    """An earlier version of a table that cannot be read any more."""


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file that lies in a table's directory and is in no version of it yet."""

    path: Path
    partition: dt.date
    rows: int
    size: int


@dataclass(frozen=True)
class Partition:
    """The files of one partition in one version of a table.

    Attributes:
        value: the partition's day (or first day of its month).
        files: absolute paths, sorted. Never empty.
        rows: rows in them, from the log.
        size: bytes.
    """

    value: dt.date
    files: tuple[str, ...]
    rows: int
    size: int

    @property
    def token(self) -> str:
        """Identifies the content: files are immutable and their names are never used again."""
        return hashlib.md5("\n".join(self.files).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class LakeTable:
    """One Delta table, partitioned by one date column.

    Attributes:
        path: its directory.
        shape: its columns.
        partition_column: the one that a partition has a single value of.
    """

    path: Path
    shape: sa.Table
    partition_column: str

    @property
    def name(self) -> str:
        return self.path.name

    def directory(self, value: dt.date) -> Path:
        """Where the files of a partition lie."""
        return self.path / f"{self.partition_column}={value}"

    def version(self) -> int | None:
        """The number of the newest version; None: nothing was ever written."""
        table = self._open()
        return None if table is None else table.version()

    def partitions(
        self,
        first: dt.date | None = None,
        last: dt.date | None = None,
        *,
        version: int | None = None,
    ) -> list[Partition]:
        """The partitions between two dates (inclusive), in order.

        Args:
            first: None: from the oldest.
            last: None: to the newest.
            version: None: as of now.

        Raises:
            GoneError: that version, or one of its files, has been removed.
        """
        table = self._open(version)
        if table is None:
            return []
        actions = table.get_add_actions(flatten=True)
        columns: Mapping[str, Any] = {
            name: actions.column(name).to_pylist()
            for name in ("path", "num_records", "size_bytes", f"partition.{self.partition_column}")
        }
        found: dict[dt.date, list[tuple[str, int, int]]] = {}
        for path, rows, size, value in zip(*columns.values(), strict=True):
            if (first is None or value >= first) and (last is None or value <= last):
                found.setdefault(value, []).append((str(self.path / path), rows, size))
        partitions = [
            Partition(
                value,
                tuple(sorted(path for path, _, _ in files)),
                sum(rows for _, rows, _ in files),
                sum(size for _, _, size in files),
            )
            for value, files in sorted(found.items())
        ]
        if version is not None and not all(
            Path(file).exists() for partition in partitions for file in partition.files
        ):
            raise GoneError(f"{self.name}: files of version {version} have been removed")
        return partitions

    def on(self, values: Collection[dt.date]) -> list[Partition]:
        """Those of some partitions that have rows, in order."""
        if not values:
            return []
        return [p for p in self.partitions(min(values), max(values)) if p.value in values]

    def files(self, first: dt.date | None = None, last: dt.date | None = None) -> list[str]:
        """The files of the partitions between two dates, inclusive."""
        return [file for partition in self.partitions(first, last) for file in partition.files]

    def commit(self, files: Sequence[WrittenFile], values: Collection[dt.date]) -> None:
        """Puts files in the place of some partitions, in one commit.

        Those that no file has end up empty. Files of a writer that dies before this are garbage.
        """
        now = time.time_ns() // 1_000_000
        added = [
            AddAction(
                path=str(file.path.relative_to(self.path)),
                size=file.size,
                partition_values={self.partition_column: file.partition.isoformat()},
                modification_time=now,
                data_change=True,
                stats=json.dumps({"numRecords": file.rows}),
            )
            for file in files
        ]
        partitioned = [self.partition_column]
        replaced = set(values)
        with self._locked():
            table = self._open()
            if table is None:
                create_table_with_add_actions(
                    str(self.path), self._schema(), added, partition_by=partitioned
                )
                return
            removed = [
                RemoveAction(
                    path=str(Path(path).relative_to(self.path)),
                    partition_values={self.partition_column: partition.value.isoformat()},
                    deletion_timestamp=now,
                    data_change=True,
                )
                for partition in self.partitions(min(values), max(values))
                if partition.value in replaced
                for path in partition.files
            ]
            if added or removed:
                # Delta calls it an append; what is removed and added is in one version.
                table.create_write_transaction(
                    [*removed, *added], "append", self._schema(), partitioned
                )

    def vacuum(self, days: int) -> int:
        """Removes files that no version of the last days names, those of killed writers too.

        Returns:
            How many.
        """
        table = self._open()
        if table is None:
            return 0
        with self._locked():
            table.create_checkpoint()
            removed = table.vacuum(
                retention_hours=days * 24,
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
            )
        return len(removed)

    def _open(self, version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.path, version=version)
        except TableNotFoundError:
            return None
        except DeltaError:
            if version is None:
                raise
            raise GoneError(f"{self.name}: version {version} is not there any more") from None

    def _schema(self) -> Schema:
        return Schema([Field(column.name, _type(column)) for column in self.shape.columns])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer of a table at a time: of two that replace a partition, the later one stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _type(column: sa.Column[Any]) -> PrimitiveType | ArrayType:
    if isinstance(column.type, sa.ARRAY):
        return ArrayType(PrimitiveType("string"), contains_null=True)
    if isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float):
        return PrimitiveType(f"decimal({column.type.precision},{column.type.scale})")
    return PrimitiveType(_TYPES[type(column.type)])
