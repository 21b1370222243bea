"""Files that only this user reads: what is noted of a move may hold people's names, as keys."""

import os
from pathlib import Path
from typing import IO


def write_private(path: Path, text: str) -> None:
    """Writes a file; a reader sees the old or the new."""
    new = path.with_name(f".{path.name}.new")
    with open_private(new) as file:
        file.write(text.encode())
    new.replace(path)


def open_private(path: Path) -> IO[bytes]:
    """An empty file to write into, also where there is one that others may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")
