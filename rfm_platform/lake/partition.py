"""What a table consists of: written files, and partitions of files that a version names."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file that lies in a table's `staging` and is in no version of it yet."""

    path: Path
    partition: dt.date
    rows: int
    size: int


@dataclass(frozen=True)
class Partition:
    """The files of one partition in one version of a table.

    Attributes:
        value: the partition's day (or first day of its month).
        files: absolute paths, or URLs in an object store; sorted. Never empty.
        rows: rows in them, from the log.
        size: bytes.
    """

    value: dt.date
    files: tuple[str, ...]
    rows: int
    size: int

    @property
    def token(self) -> str:
        """Identifies the content, wherever the lake lies.

        Files are immutable and their names are never used again.
        """
        names = "\n".join(file.rpartition("/")[2] for file in self.files)
        return hashlib.md5(names.encode(), usedforsecurity=False).hexdigest()


def between(
    partitions: Sequence[Partition], first: dt.date | None, last: dt.date | None
) -> list[Partition]:
    """Those of some partitions between two dates, inclusive; None: without a bound."""
    return [
        partition
        for partition in partitions
        if (first is None or partition.value >= first) and (last is None or partition.value <= last)
    ]
