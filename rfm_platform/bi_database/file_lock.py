"""Locks that the kernel frees when whoever had them is gone, however that ended."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Keeps `try_lock` of a file from succeeding for the block; others may read it as well."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def try_lock(path: Path) -> IO[bytes] | None:
    """A file's lock, until the last process that has it open is gone; None: another one has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lock = os.fdopen(descriptor, "ab", buffering=0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
