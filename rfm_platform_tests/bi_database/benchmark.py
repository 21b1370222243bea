"""`make bench-bi`: dump, restore and verification against PostgreSQL's own programs alone.

Both sides in one run, on one database of pgbench's, with the same format, jobs and compression.
What we add is snapshots, hashes of every row on both sides, checksums, and the comparison.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rfm_platform.bi_database.dump import DumpOptions, make_dump
from rfm_platform.bi_database.endpoint import UrlEndpoint
from rfm_platform.bi_database.manifest import read_manifest
from rfm_platform.bi_database.restore import RestoreOptions, restore
from rfm_platform.bi_database.tools import choose, login
from rfm_platform.bi_database.verify import verify
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer

JOBS = 2
BYTES_A_SCALE = 15_500_000
TARGET = 0.30


@contextmanager
def _logged_in(database: Database) -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory(prefix="rfm-login-") as name:
        yield login(database.conninfo(), Path(name))


def _plain_dump(source: Database, place: Path) -> None:
    with _logged_in(source) as environment:
        command = [str(choose("pg_dump", 17).path), "--format=directory", f"--jobs={JOBS}"]
        command += ["--compress=zstd", f"--file={place}"]
        subprocess.run(command, check=True, env=environment)


def _plain_restore(target: Database, place: Path) -> None:
    with _logged_in(target) as environment:
        command = [str(choose("pg_restore", 17).path), "--dbname=service=rfm", f"--jobs={JOBS}"]
        command += ["--no-owner", "--no-acl", "--exit-on-error", str(place)]
        subprocess.run(command, check=True, env=environment)
    with target.connect() as connection:
        connection.autocommit = True
        connection.execute("ANALYZE")


def _fill(source: Database, scale: int) -> int:
    with _logged_in(source) as environment:
        program = choose("pgbench", 17).path
        command = [str(program), "--initialize", f"--scale={scale}", "--quiet", "service=rfm"]
        subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
    with source.connect() as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """`benchmark GIGABYTES`."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    console = Console()
    with tempfile.TemporaryDirectory(prefix="rfm-bench-bi-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        server = EmbeddedServer(directory / "home")
        try:
            _measure(server, directory, gigabytes, console)
        finally:
            server.stop()


def _measure(server: EmbeddedServer, directory: Path, gigabytes: float, console: Console) -> None:
    source = server.database("bench")
    console.print(f"making {gigabytes:g} GB")
    size = _fill(source, max(1, int(gigabytes * 1e9 / BYTES_A_SCALE)))
    plain, ours = server.database("plain"), server.database("ours")
    dump = directory / "dump"
    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], object]) -> None:
        console.print(name)
        start = time.monotonic()
        step()
        seconds[name] = time.monotonic() - start

    timed("pg_dump", lambda: _plain_dump(source, directory / "plain"))
    timed("pg_restore", lambda: _plain_restore(plain, directory / "plain"))
    _forget(server, "plain", directory / "plain")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timed("dump", lambda: make_dump(UrlEndpoint(source), dump, DumpOptions(jobs=JOBS)))
    timed("restore", lambda: restore(ours, dump, directory / "job", RestoreOptions(jobs=JOBS)))
    timed("verify", lambda: _verify(ours, dump))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = Table(title=f"{size / 1e9:.2f} GB, {JOBS} jobs")
    for column in ("step", "seconds"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for name, taken in seconds.items():
        table.add_row(name, f"{taken:.1f}")
    console.print(table)
    floor = seconds["pg_dump"] + seconds["pg_restore"]
    whole = seconds["dump"] + seconds["restore"] + seconds["verify"]
    console.print(f"what we add: {whole / floor - 1:.0%} of their time (target ≤ {TARGET:.0%})")
    console.print(f"our own peak memory: {memory / 1000:.0f} MB, before {before / 1000:.0f} MB")


def _verify(target: Database, dump: Path) -> None:
    found = verify(UrlEndpoint(target), read_manifest(dump), dump, {}, jobs=JOBS)
    assert found.passed, found.verdict


def _forget(server: EmbeddedServer, name: str, dump: Path) -> None:
    """Room for the other side."""
    shutil.rmtree(dump)
    with server.database("postgres").connect() as connection:
        connection.autocommit = True
        connection.execute(f"DROP DATABASE {name}".encode())


if __name__ == "__main__":
    main()
