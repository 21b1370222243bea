"""The lake: Delta tables over Parquet, where a partition is replaced in one commit.

A reader sees the files of one version, never half of a partition; a writer that dies leaves
nothing but files that no version names. What the tables mean is the catalogue's business; who
reads the files, the engine's. Vacuum and checkpoints belong to operations.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError


class ArrowStream(Protocol):
    """Anything that hands out its rows as an Arrow C stream, a batch at a time."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True)
class Partition:
    """The files of one partition in one version of a table.

    Attributes:
        value: the partition's day (or first day of its month).
        files: absolute paths, sorted. Never empty.
        rows: rows in them, from the log.
    """

    value: dt.date
    files: tuple[str, ...]
    rows: int

    @property
    def token(self) -> str:
        """Identifies the content: files are immutable and their names are never used again."""
        return hashlib.md5("\n".join(self.files).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class LakeTable:
    """One Delta table, partitioned by one date column."""

    path: Path
    partition_column: str

    @property
    def name(self) -> str:
        return self.path.name

    def partitions(
        self, first: dt.date | None = None, last: dt.date | None = None
    ) -> list[Partition]:
        """The partitions between two dates (inclusive) in the newest version, in order."""
        try:
            actions = DeltaTable(self.path).get_add_actions(flatten=True)
        except TableNotFoundError:
            return []
        columns: Mapping[str, Any] = {
            name: actions.column(name).to_pylist()
            for name in ("path", "num_records", f"partition.{self.partition_column}")
        }
        found: dict[dt.date, tuple[list[str], int]] = {}
        for path, rows, value in zip(*columns.values(), strict=True):
            if (first is None or value >= first) and (last is None or value <= last):
                files, count = found.get(value, ([], 0))
                found[value] = ([*files, str(self.path / path)], count + rows)
        return [
            Partition(value, tuple(sorted(files)), rows)
            for value, (files, rows) in sorted(found.items())
        ]

    def files(self, first: dt.date | None = None, last: dt.date | None = None) -> list[str]:
        """The files of the partitions between two dates, inclusive."""
        return [file for partition in self.partitions(first, last) for file in partition.files]

    def replace(self, rows: ArrowStream, first: dt.date, last: dt.date) -> None:
        """Replaces the partitions between two dates, inclusive, in one commit.

        Dates that `rows` does not have end up empty. An error while the rows come in leaves the
        table as it was.
        """
        column = self.partition_column
        exists = DeltaTable.is_deltatable(str(self.path))
        write_deltalake(
            self.path,
            rows,
            mode="overwrite",
            predicate=f"{column} >= '{first}' AND {column} <= '{last}'" if exists else None,
            partition_by=[column],
        )

    def drop(self, value: dt.date) -> None:
        """Removes one partition from the newest version."""
        DeltaTable(self.path).delete(f"{self.partition_column} = '{value}'")


class Lake:
    """The tables under one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source_orders = LakeTable(root / "source_orders", "day")
        self.aggregated_monthly = LakeTable(root / "aggregated_monthly", "month_of_order")
        self.final_user_analysis = LakeTable(root / "final_user_analysis", "as_of_date")
        self.rfm_scores = LakeTable(root / "rfm_scores", "as_of_date")
        self.rfm_thresholds = LakeTable(root / "rfm_thresholds", "as_of_date")
        self.cohort_matrix = LakeTable(root / "cohort_matrix", "as_of_date")
