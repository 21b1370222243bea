"""What lies beside a dump: what was dumped, with what, and what its snapshot held.

A dump's directory holds its files and ``manifest.json``, which is written last: a directory
without one is no dump. Directories appear whole, by a rename.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.record import Record
from rfm_platform.bi_database.redash import Application
from rfm_platform.bi_database.state import DatabaseState

NAME = "manifest.json"
BLOCK = 1 << 20


class DumpedFile(Record):
    """A file of a dump, by its path below the dump's directory."""

    path: str
    bytes: int
    sha256: str


class Manifest(Record):
    """A dump.

    Attributes:
        source: where it is from, without a password.
        started, ended: when, with the zone.
        tool: pg_dump's release.
        format: pg_dump's, ``directory`` or ``custom``.
        is_encrypted: whether the files are, with age.
        objects: how many entries the archive's table of contents has.
        state: what the snapshot held.
        application: what it held of an application that is known; None: it is none.
    """

    source: str
    started: dt.datetime
    ended: dt.datetime
    tool: int
    format: str
    compression: str
    is_encrypted: bool
    files: tuple[DumpedFile, ...]
    state: DatabaseState
    application: Application | None

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def summary(self) -> str:
        """The dump in a sentence."""
        rows = sum(table.rows or 0 for table in self.state.tables)
        return (
            f"{self.state.name}, PostgreSQL {self.state.version}, {len(self.state.tables)} tables, "
            f"{rows:,} rows, {self.bytes / 1e6:,.1f} MB dumped"
        )


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a dump.

    Raises:
        BiDatabaseError: there is no whole dump there.
    """
    path = directory / NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise BiDatabaseError(f"{directory} holds no dump: it has no {NAME}") from None
    except ValidationError as error:
        raise BiDatabaseError(
            f"{path} cannot be read ({error.error_count()} problems): make a new dump"
        ) from None


def describe_files(
    directory: Path, progress: Callable[[int], None] = lambda _: None
) -> tuple[DumpedFile, ...]:
    """Every file below a directory but the manifest, with its size and SHA-256."""
    return tuple(
        DumpedFile(
            path=str(path.relative_to(directory)),
            bytes=path.stat().st_size,
            sha256=sha256(path, progress),
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != NAME
    )


def damaged_files(directory: Path, manifest: Manifest) -> list[str]:
    """What is wrong with a dump's files, a sentence each."""
    problems = []
    expected = {file.path: file for file in manifest.files}
    found = {file.path: file for file in describe_files(directory)}
    for path, file in expected.items():
        if path not in found:
            problems.append(f"{path} is missing")
        elif found[path].bytes != file.bytes:
            problems.append(f"{path} has {found[path].bytes} bytes instead of {file.bytes}")
        elif found[path].sha256 != file.sha256:
            problems.append(f"{path} has been changed: its SHA-256 is another")
    problems += [f"{path} is no file of this dump" for path in sorted(found.keys() - expected)]
    return problems


def sha256(path: Path, progress: Callable[[int], None] = lambda _: None) -> str:
    """A file's SHA-256, in memory that does not grow with it."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            progress(len(block))
    return digest.hexdigest()
