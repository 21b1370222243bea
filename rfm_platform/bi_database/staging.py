"""Directories that hold a dump's rows for a while, in the clear, and go even after a kill; and the
password that pg_dump logs in with.

Whoever works in one holds a lock beside it, which the kernel frees when its process is gone: then
the next dump or restore removes what was left.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.file_lock import try_lock
from rfm_platform.bi_database.manifest import NAME
from rfm_platform.bi_database.tools import LOGIN, PASSFILE

DECRYPTED = ".decrypted-"
PARTIAL = ".partial"
# What such a directory holds: others below the same one may have names like ours.
_CONTENT = {"archive", "archive.age", LOGIN, PASSFILE, NAME}


@contextmanager
def staging(directory: Path) -> Iterator[None]:
    """An empty private directory for the block, which may rename it; what stays there goes.

    Raises:
        BiDatabaseError: another process works in it.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    lock = _try_lock(directory)
    if lock is None:
        raise BiDatabaseError(f"{directory} is being written by another process: wait for its end")
    try:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        yield
    finally:
        _remove(directory, lock)


def remove_leftovers(place: Path) -> None:
    """Removes what killed dumps and restores left below a directory; leaves what is worked in."""
    found = [*place.glob(f".*{PARTIAL}"), *place.glob(f"{DECRYPTED}*")]
    for directory in found:
        with suppress(OSError):  # another one removes it at the same time, or it is not ours
            if {path.name for path in directory.iterdir()} <= _CONTENT:
                lock = _try_lock(directory)
                if lock is not None:
                    _remove(directory, lock)


def _lock_file(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.lock")


def _try_lock(directory: Path) -> IO[bytes] | None:
    """The lock of a directory; None: another process has it."""
    file = _lock_file(directory)
    while (lock := try_lock(file)) is not None:
        # Its last owner may have removed the file between the two.
        if file.exists() and os.path.samestat(file.stat(), os.fstat(lock.fileno())):
            break
        lock.close()
    return lock


def _remove(directory: Path, lock: IO[bytes]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    _lock_file(directory).unlink(missing_ok=True)
    lock.close()
