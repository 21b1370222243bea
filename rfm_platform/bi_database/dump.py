"""A dump of one consistent snapshot, in a directory of its own, with its manifest.

One session holds the snapshot: pg_dump and the counts and hashes of every table see the same rows,
at the same time. The directory appears whole or not at all; what a broken dump left is removed by
the next one.
"""

import datetime as dt
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rfm_platform.bi_database import archive
from rfm_platform.bi_database.content import read_contents
from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.manifest import NAME, Manifest, describe_files
from rfm_platform.bi_database.redash import read_application
from rfm_platform.bi_database.staging import PARTIAL, remove_leftovers, staging
from rfm_platform.bi_database.state import DatabaseState, major, read_definitions
from rfm_platform.bi_database.tools import choose, login, parse_version, stream

Format = Literal["directory", "custom"]
Compression = Literal["zstd", "gzip", "none"]
ARCHIVE = "archive"  # below a dump's directory: a directory, or a file of the custom format
ZSTD_SINCE = 16
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
        BiDatabaseError: another dump into it is under way, no room, no program that is new enough,
            pg_dump failed, or the source went away. What was in the directory stays.
        DatabaseError: the source cannot be reached.
    """
    partial = directory.with_name(f".{directory.name}{PARTIAL}")
    try:
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
        with _dumping(source, session.export_snapshot(), place, state, options) as dump:
            state = read_contents(session, state, lambda table: progress(f"reading {table.title}"))
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
    (place / NAME).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest


@dataclass
class _Dump:
    version: int
    format: str
    compression: str


@contextmanager
def _dumping(
    source: UrlEndpoint | CommandEndpoint,
    snapshot: str,
    place: Path,
    state: DatabaseState,
    options: DumpOptions,
) -> Iterator[_Dump]:
    """pg_dump in the background of the block; at its end it has ended as well, and well."""
    if isinstance(source, CommandEndpoint):
        said = _ask(source)
        version, program = said, source.program("env", "PGTZ=UTC", "pg_dump")
        address: list[str] = list(source.connection_arguments)
        chosen: Format = "custom"
        parameters: Mapping[str, object] = {}
    else:
        tool = choose("pg_dump", state.major_version)
        version, program, address = tool.version, [str(tool.path)], []
        chosen = options.format
        parameters = source.database.conninfo()
    if version < major(state.version_number):
        raise BiDatabaseError(
            f"{source.label}: pg_dump there is {version}, older than the server "
            f"({state.version}): install postgresql-client-{state.major_version} there"
        )
    compression = options.compression
    if compression == "zstd" and version < ZSTD_SINCE:
        compression = "gzip"
    command = [
        *program,
        *address,
        f"--format={chosen}",
        f"--snapshot={snapshot}",
        f"--compress={_compression(compression, version)}",
        "--no-password",
    ]
    target = place / ARCHIVE
    if chosen == "directory":
        command += [f"--file={target}", f"--jobs={options.jobs}"]
    with login(parameters) as environment:
        output = subprocess.DEVNULL if chosen == "directory" else _private(target)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env=environment if parameters else None,
        )
        if output != subprocess.DEVNULL:
            os.close(output)
        said_lines: list[str] = []
        listener = threading.Thread(target=_listen, args=(process, said_lines), daemon=True)
        listener.start()
        try:
            yield _Dump(version, chosen, compression)
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            listener.join(timeout=10)
            stream(process.stderr).close()
    if process.returncode != 0:
        raise BiDatabaseError(
            f"pg_dump of {source.label} failed (code {process.returncode}): "
            f"{' '.join(said_lines) or 'it said nothing'}. No dump was kept"
        )


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _ask(source: CommandEndpoint) -> int:
    done = subprocess.run(
        source.program("pg_dump", "--version"),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    version = parse_version(done.stdout)
    if version is None:
        raise BiDatabaseError(f"{source.label}: there is no pg_dump ({done.stderr.strip()[:200]})")
    return version


def _listen(process: subprocess.Popen[bytes], said: list[str]) -> None:
    for line in stream(process.stderr):
        text = line.decode(errors="replace").strip()
        # A detail or a context may quote a row.
        if text and not text.removeprefix("pg_dump: ").startswith(("detail:", "CONTEXT")):
            said.append(text)
            del said[:-5]


def _compression(compression: Compression, version: int) -> str:
    if compression == "none":
        return "0"
    return "6" if version < ZSTD_SINCE else compression


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
    if directory.exists():
        directory.rename(old)
    partial.rename(directory)
    shutil.rmtree(old, ignore_errors=True)
