"""One Delta table over Parquet: its partitions, their replacement in one commit, its versions."""

import datetime as dt
import json
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from rfm_platform.lake.directory import Directory, Stamp
from rfm_platform.lake.errors import GoneError, StoreError
from rfm_platform.lake.objects import ObjectPrefix
from rfm_platform.lake.partition import Partition, WrittenFile, between
from rfm_platform.lake.schema import delta_schema

# Writers of an object store's table that may be faster, one after the other, before one gives up.
COMMIT_ATTEMPTS = 8
T = TypeVar("T")


@dataclass(frozen=True)
class LakeTable:
    """One Delta table, partitioned by one date column.

    Attributes:
        path: its directory.
        shape: its columns.
        partition_column: the one that a partition has a single value of.
        url: where its files lie instead, in an object store; nothing is in `path` then.
    """

    path: Path
    shape: sa.Table
    partition_column: str
    url: str | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def store(self) -> Directory | ObjectPrefix:
        """Where its files lie."""
        return Directory(self.path) if self.url is None else ObjectPrefix(self.url)

    def directory(self, value: dt.date) -> Path:
        """Where the files of a partition lie, in a directory."""
        return self.path / f"{self.partition_column}={value}"

    def version(self) -> int | None:
        """The number of the newest version; None: nothing was ever written."""
        table = self.open()
        return None if table is None else table.version()

    def identity(self) -> str | None:
        """Which table its versions are of: made anew, they begin again. None: as `version`."""
        table = self.open()
        return None if table is None else str(table.metadata().id)

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
            StoreError: the object store cannot be read.
        """
        if version is None and (stamp := self.store.stamp()) is not None:
            return between(_newest_partitions(self, stamp), first, last)
        partitions = between(self.partitions_of(self.open(version)), first, last)
        if version is not None and self.store.have_gone(
            [file for partition in partitions for file in partition.files]
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

        Raises:
            StoreError: the object store cannot be written, or others wrote all the time.
        """
        now = time.time_ns() // 1_000_000
        added = [
            AddAction(
                path=f"{file.path.parent.name}/{file.path.name}",
                size=file.size,
                partition_values={self.partition_column: file.partition.isoformat()},
                modification_time=now,
                data_change=True,
                stats=json.dumps({"numRecords": file.rows}),
            )
            for file in files
        ]
        self.store.take([file.path for file in files])
        self.write(lambda table: self._commit(table, added, set(values), now))

    def write(self, step: Callable[[DeltaTable | None], T]) -> T:
        """Does something with the newest version, which ends in commits or in none.

        `step` is begun again on top of another writer's commit.

        Raises:
            StoreError: the object store cannot be written, or others wrote all the time.
        """
        store = self.store
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                with store.locked(), store.told():
                    return step(self.open())
            except DeltaError as error:
                if not store.was_overtaken(error):
                    raise
                time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - not a secret
        raise StoreError(
            f"{self.name}: {COMMIT_ATTEMPTS} times another writer was faster, and nothing of this "
            "one is in the table. Let writers follow one another (pool `rfm`), and run this again"
        )

    def _commit(
        self,
        table: DeltaTable | None,
        added: Sequence[AddAction],
        values: set[dt.date],
        now: int,
    ) -> None:
        store, properties = self.store, self.store.commit_properties
        partitioned = [self.partition_column]
        if table is None:
            store.prepare()
            create_table_with_add_actions(
                store.location,
                delta_schema(self.shape),
                list(added),
                partition_by=partitioned,
                commit_properties=properties,
            )
            return
        removed = [
            RemoveAction(
                path=store.relative(path),
                partition_values={self.partition_column: partition.value.isoformat()},
                deletion_timestamp=now,
                data_change=True,
            )
            for partition in self.partitions_of(table)
            if partition.value in values
            for path in partition.files
        ]
        ours = {action.path for action in added}
        if ours and ours == {action.path for action in removed}:
            return  # it landed, and the answer was lost
        if added or removed:
            # Delta calls it an append; what is removed and added is in one version.
            table.create_write_transaction(
                [*removed, *added],
                "append",
                delta_schema(self.shape),
                partitioned,
                commit_properties=properties,
            )

    def partitions_of(self, table: DeltaTable | None) -> list[Partition]:
        """All partitions of an opened version, in order."""
        if table is None:
            return []
        store = self.store
        actions = table.get_add_actions(flatten=True)
        columns: Mapping[str, Any] = {
            name: actions.column(name).to_pylist()
            for name in ("path", "num_records", "size_bytes", f"partition.{self.partition_column}")
        }
        found: dict[dt.date, list[tuple[str, int, int]]] = {}
        for path, rows, size, value in zip(*columns.values(), strict=True):
            found.setdefault(value, []).append((store.address(path), rows, size))
        return [
            Partition(
                value,
                tuple(sorted(path for path, _, _ in files)),
                sum(rows for _, rows, _ in files),
                sum(size for _, _, size in files),
            )
            for value, files in sorted(found.items())
        ]

    def open(self, version: int | None = None) -> DeltaTable | None:
        """A version of it, as delta-rs reads it; None: nothing was ever written.

        Raises:
            GoneError: that version has been removed.
        """
        store = self.store
        try:
            with store.told():
                return DeltaTable(store.location, version=version)
        except (TableNotFoundError, DeltaError) as error:
            if version is not None:
                # Also where nothing of its log is left: that is not an empty table.
                raise GoneError(f"{self.name}: version {version} is not there any more") from None
            if isinstance(error, TableNotFoundError):
                return None
            raise


@lru_cache(maxsize=64)
def _newest_partitions(table: LakeTable, _stamp: Stamp) -> list[Partition]:
    """Read once for all who ask until the next commit: reading a log takes longer than a query."""
    return table.partitions_of(table.open())
