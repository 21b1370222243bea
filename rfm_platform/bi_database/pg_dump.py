"""pg_dump beside the session whose snapshot it shares: how it is called, how it ends, what it says.

The session has read definitions and holds their locks. Whoever wants a table for themselves waits
for the session, pg_dump would wait for them, and the session for pg_dump: the server sees no circle
in that, as the last wait is ours. So pg_dump waits for a limited time.
"""

import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from rfm_platform.bi_database.endpoint import CommandEndpoint, Session, UrlEndpoint
from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.limits import LOCK_SECONDS
from rfm_platform.bi_database.private_file import open_private
from rfm_platform.bi_database.state import major, read_sql
from rfm_platform.bi_database.tools import (
    choose,
    ending_with_us,
    login,
    parse_version,
    remove_login,
    stream,
)
from rfm_platform.errors import PlatformError

Format = Literal["directory", "custom"]
Compression = Literal["zstd", "gzip", "none"]
ZSTD_SINCE = 16
# What pg_dump says of a table that it did not get: a timeout, or in a parallel one no wait at all.
_LOCKED = re.compile(r"canceling statement due to (statement|lock) timeout|could not obtain lock")


@dataclass
class Dump:
    """A pg_dump that is at work.

    Attributes:
        version: its major release.
        format, compression: as it writes, which may be otherwise than asked for.
    """

    version: int
    format: Format
    compression: Compression
    _source: UrlEndpoint | CommandEndpoint
    _session: Session
    _process: subprocess.Popen[bytes]
    _listener: threading.Thread = field(init=False)
    _said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def check(self) -> None:
        """Raises what it said, if it has failed already.

        Raises:
            BiDatabaseError: it has.
        """
        if self._process.poll():
            raise self._failure()

    def wait(self) -> None:
        """Waits for its end.

        Raises:
            BiDatabaseError: it failed.
        """
        self._process.wait()
        self.check()

    def stop(self) -> None:
        """Ends it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._listener.join(timeout=10)
        stream(self._process.stderr).close()

    def _failure(self) -> BiDatabaseError:
        self._listener.join(timeout=10)
        said = " ".join(self._said) or "it said nothing"
        if _LOCKED.search(said):
            said = (
                f"it did not get {self._wanted_table()} within {LOCK_SECONDS} seconds. Wait for "
                "the end of whatever locks it (a migration, VACUUM FULL, TRUNCATE), or end that, "
                "and dump again"
            )
        return BiDatabaseError(
            f"pg_dump of {self._source.label} failed (code {self._process.returncode}): {said}. "
            "No dump was kept"
        )

    def _wanted_table(self) -> str:
        """Which table somebody else locks or waits to lock: pg_dump names all that it asked for."""
        try:
            locks = self._session.rows(read_sql("exclusive_locks"))
        except (PlatformError, psycopg.Error):
            locks = []
        named = [
            f"{lock['relation']} (session {lock['pid']} "
            f"{'holds' if lock['granted'] else 'waits for'} {lock['mode']} on it)"
            for lock in locks
        ]
        return ", ".join(named) or "the lock of a table"

    def _listen(self) -> None:
        for line in stream(self._process.stderr):
            text = line.decode(errors="replace").strip()
            # A detail or a context may quote a row.
            if text and not text.removeprefix("pg_dump: ").startswith(("detail:", "CONTEXT")):
                self._said.append(text)
                del self._said[:-5]


@contextmanager
def dumping(
    source: UrlEndpoint | CommandEndpoint,
    session: Session,
    server: int,
    archive: Path,
    *,
    chosen: Format,
    compression: Compression,
    jobs: int,
) -> Iterator[Dump]:
    """pg_dump in the background of the block; at its end it has ended as well, and well.

    Args:
        source: what is dumped.
        session: whose snapshot it sees.
        server: the source's version number.
        archive: where to; its directory is a private one that goes if this process is killed.
        chosen: the format; a source that is reached by a command streams the custom one.
        compression: gzip takes the place of what the program does not know.
        jobs: tables that are dumped at once, in the directory format.

    Raises:
        BiDatabaseError: there is no program that is new enough, or it failed.
    """
    if isinstance(source, CommandEndpoint):
        version, program = _ask(source), source.program("env", "PGTZ=UTC", "pg_dump")
        address: list[str] = list(source.connection_arguments)
        chosen = "custom"
        parameters: Mapping[str, object] = {}
    else:
        tool = choose("pg_dump", major(server))
        version, program, address = tool.version, [str(tool.path)], []
        parameters = source.database.conninfo()
    if version < major(server):
        raise BiDatabaseError(
            f"{source.label}: pg_dump there is {version}, older than the server "
            f"({major(server)}): install postgresql-client-{major(server)} there"
        )
    if compression == "zstd" and version < ZSTD_SINCE:
        compression = "gzip"
    command = [
        *program,
        *address,
        f"--format={chosen}",
        f"--snapshot={session.export_snapshot()}",
        f"--compress={_compression(compression, version)}",
        f"--lock-wait-timeout={LOCK_SECONDS}s",
        "--no-password",
    ]
    if chosen == "directory":
        command += [f"--file={archive}", f"--jobs={jobs}"]
    # The password lies where a killed dump's rows lie, and goes with them.
    place = archive.parent
    environment = login(parameters, place) if parameters else None
    try:
        with nullcontext() if chosen == "directory" else open_private(archive) as file:
            process = subprocess.Popen(
                ending_with_us(command),
                stdin=subprocess.DEVNULL,
                stdout=file or subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
            )
        dump = Dump(version, chosen, compression, source, session, process)
        try:
            yield dump
            dump.wait()
        finally:
            dump.stop()
    finally:
        remove_login(place)


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


def _compression(compression: Compression, version: int) -> str:
    if compression == "none":
        return "0"
    return "6" if version < ZSTD_SINCE else compression
