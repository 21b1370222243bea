"""A dump of one consistent snapshot, in a directory of its own, with its manifest.

One session holds the snapshot: pg_dump and the counts and hashes of every table see the same rows,
at the same time. The directory appears whole or not at all; what a broken dump left is removed by
the next one.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rfm_platform.bi_database import archive
from rfm_platform.bi_database.content import read_contents
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.file_lock import try_lock
from rfm_platform.bi_database.manifest import NAME, Manifest, describe_files
from rfm_platform.bi_database.pg_dump import Compression, Format, dumping
from rfm_platform.bi_database.private_file import write_private
from rfm_platform.bi_database.redash import read_application
from rfm_platform.bi_database.staging import PARTIAL, remove_leftovers, staging
from rfm_platform.bi_database.state import DatabaseState, TableState, read_definitions

ARCHIVE = "archive"  # below a dump's directory: a directory, or a file of the custom format
# A dump is smaller than its tables; what is asked for is room to be sure.
SPACE_SHARE = 0.5
Progress = Callable[[str], None]


@dataclass(frozen=True)
class DumpOptions:
    """How a dump is made.

    Attributes:
        format: ``directory`` (parallel, by URL only) or ``custom`` (one file).
        jobs: tables that are dumped at once, in the directory format.
        recipients: age public keys that the files are encrypted for; empty: they are not.
    """

    format: Format = "directory"
    jobs: int = 2
    compression: Compression = "zstd"
    recipients: tuple[str, ...] = ()


def make_dump(
    source: UrlEndpoint | CommandEndpoint,
    directory: Path,
    options: DumpOptions,
    progress: Progress = lambda _: None,
) -> Manifest:
    """Dumps a database into a directory, replacing an earlier dump there when it is complete.

    Raises:
        BiDatabaseError: another dump into it is under way, or the one there is being restored; no
            room, no program that is new enough, pg_dump failed, or the source went away. What was
            in the directory stays.
        DatabaseError: the source cannot be reached.
    """
    partial = directory.with_name(f".{directory.name}{PARTIAL}")
    try:
        with _unread(directory):  # before the work as well
            remove_leftovers(directory.parent)
        with staging(partial):
            manifest = _write(source, partial, options, progress)
            _put_in_place(partial, directory)
    except OSError as error:
        raise BiDatabaseError(f"{partial} cannot be written: {error.strerror}") from None
    return manifest


def _write(
    source: UrlEndpoint | CommandEndpoint,
    place: Path,
    options: DumpOptions,
    progress: Progress,
) -> Manifest:
    started = dt.datetime.now(dt.UTC)
    with source.session() as session:
        state = read_definitions(session)
        _check_space(place, state)
        with dumping(
            source,
            session,
            state.version_number,
            place / ARCHIVE,
            chosen=options.format,
            compression=options.compression,
            jobs=options.jobs,
        ) as dump:

            def tell(table: TableState) -> None:
                dump.check()  # a dump that is lost must not hold the snapshot to the last table
                progress(f"reading {table.title}")

            state = read_contents(session, state, tell)
            application = read_application(session, state)
            progress("waiting for pg_dump")
    if options.recipients:
        progress("encrypting")
        archive.encrypt(place, options.recipients)
    progress("computing checksums")
    manifest = Manifest(
        source=source.label,
        started=started,
        ended=dt.datetime.now(dt.UTC),
        tool=dump.version,
        format=dump.format,
        compression=dump.compression,
        is_encrypted=bool(options.recipients),
        files=describe_files(place),
        state=state,
        application=application,
    )
    write_private(place / NAME, manifest.model_dump_json(indent=1))
    return manifest


def _check_space(place: Path, state: DatabaseState) -> None:
    rows = sum(table.bytes for table in state.tables)
    needed, free = int(rows * SPACE_SHARE), shutil.disk_usage(place).free
    if free < needed:
        raise BiDatabaseError(
            f"{place.parent} has {free / 1e9:.1f} GB free, a dump of {state.name} "
            f"({rows / 1e9:.1f} GB) may need {needed / 1e9:.1f} GB: make room, or set RFM_BI_DUMPS"
        )


def _put_in_place(partial: Path, directory: Path) -> None:
    old = directory.with_name(f".{directory.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with _unread(directory):
        if directory.exists():
            directory.rename(old)
        partial.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _unread(directory: Path) -> Iterator[None]:
    """A block in which no restore begins to read a directory's dump."""
    if not (directory / NAME).exists():
        yield
        return
    lock = try_lock(directory / NAME)
    if lock is None:
        raise BiDatabaseError(
            f"{directory} is being restored: wait for the end of that, then dump again. What is in "
            "it stays"
        )
    with lock:
        yield
