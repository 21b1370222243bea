"""The dumps below a directory: which are complete, which is the newest, which are too many."""

import shutil
from pathlib import Path

from rfm_platform.bi_database.manifest import NAME, read_manifest


def complete_dumps(dumps: Path) -> list[Path]:
    """The daily dumps below a directory that are complete, oldest first."""
    return sorted(path.parent for path in dumps.glob(f"[0-9]*-[0-9]*-[0-9]*/{NAME}"))


def newest_dump(dumps: Path) -> Path | None:
    """The complete dump below a directory that ended last, a day's or a move's; None: none.

    By its own word: a file's time is that of a copy or of a fetch from the store.

    Raises:
        BiDatabaseError: a manifest cannot be read, so that it may be that dump's.
    """
    places = [path.parent for path in dumps.glob(f"*/{NAME}")]
    complete = [place for place in places if not place.name.startswith(".")]
    return max(complete, key=lambda place: read_manifest(place).ended, default=None)


def remove_old(dumps: Path, keep: int) -> list[str]:
    """Removes all but the newest daily dumps below a directory; returns the removed names."""
    removed = complete_dumps(dumps)[:-keep]
    for path in removed:
        shutil.rmtree(path)
    return [path.name for path in removed]
