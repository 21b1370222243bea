"""A table's files in a directory of this machine, where engines read and write them in place.

One writer at a time is a lock on a file beside it.
"""

import fcntl
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deltalake import CommitProperties
from deltalake.exceptions import DeltaError

# The newest commit: its name, its inode, when it was written.
Stamp = tuple[str, int, int]
_COMMIT = re.compile(r"[0-9]{20}\.json")


@dataclass(frozen=True)
class Directory:
    """A table's files in a directory.

    Attributes:
        path: the table's directory.
    """

    path: Path

    @property
    def location(self) -> str:
        """The table, as delta-rs takes it."""
        return str(self.path)

    @property
    def commit_properties(self) -> CommitProperties | None:
        return None

    def stamp(self) -> Stamp | None:
        """What every commit changes, and costs less to look at than the log to read.

        None: there is no commit.
        """
        try:
            with os.scandir(self.path / "_delta_log") as entries:
                commits = [entry for entry in entries if _COMMIT.fullmatch(entry.name)]
            newest = max(commits, key=lambda entry: entry.name, default=None)
            found = None if newest is None else newest.stat()
        except FileNotFoundError:
            return None
        return newest and found and (newest.name, found.st_ino, found.st_mtime_ns)

    def was_overtaken(self, _error: DeltaError) -> bool:
        """Whether a commit is to be tried again, on top of another writer's."""
        return False  # the lock is ours

    def address(self, path: str) -> str:
        """Where a file lies that the log names."""
        return str(self.path / path)

    def relative(self, address: str) -> str:
        """How the log names a file."""
        return str(Path(address).relative_to(self.path))

    def have_gone(self, addresses: Collection[str]) -> bool:
        """Whether one of the files is not there."""
        return not all(Path(address).exists() for address in addresses)

    def staging(self, _scratch: Path) -> Path:
        """Where an engine writes new files, in directories named after partitions."""
        return self.path

    def prepare(self) -> None:
        """Before a table's first commit."""

    def take(self, _files: Sequence[Path]) -> None:
        """Brings written files to where their table's files lie."""

    @contextmanager
    def told(self) -> Iterator[None]:
        """Errors of the store, in a sentence."""
        yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer of a table at a time: of two that replace a partition, the later one stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
