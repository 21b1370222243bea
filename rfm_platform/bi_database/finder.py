"""Finding the database on an old server: its containers that run PostgreSQL."""

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from rfm_platform.bi_database.errors import BiDatabaseError

LOCAL = "localhost"
TIMEOUT_SECONDS = 60
_SIZES = (
    "SELECT datname || ' ' || pg_database_size(oid) FROM pg_database "
    "WHERE NOT datistemplate ORDER BY pg_database_size(oid) DESC"
)


@dataclass(frozen=True)
class FoundDatabase:
    """A database in a container.

    Attributes:
        command: what RFM_BI_SOURCE_COMMAND has to be to reach it.
        user: the role that it was seen as.
    """

    container: str
    image: str
    version: str
    database: str
    bytes: int
    user: str
    command: str


def find_databases(host: str, engine: str = "docker") -> list[FoundDatabase]:
    """The databases of every running container that has PostgreSQL in it, largest first.

    Args:
        host: as for ssh; ``localhost`` is this machine, without ssh.
        engine: docker, or podman.

    Raises:
        BiDatabaseError: the host or its container engine cannot be asked.
    """
    prefix = [] if host == LOCAL else ["ssh", host]
    listed = _run([*prefix, engine, "ps", "--format", _quoted("{{json .}}", prefix)])
    found = []
    for line in listed.splitlines():
        container = json.loads(line)
        names = container["Names"]
        name = names[0] if isinstance(names, list) else names
        found += _inside([*prefix, engine, "exec", "-i", name], name, container["Image"])
    return sorted(found, key=lambda each: -each.bytes)


def _inside(command: Sequence[str], container: str, image: str) -> list[FoundDatabase]:
    """What a container holds; nothing where it has no psql or nobody answers."""
    environment = _try([*command, "env"]) or ""
    variables = dict(line.split("=", 1) for line in environment.splitlines() if "=" in line)
    user = variables.get("POSTGRES_USER", "postgres")
    # By standard input: no shell on the way reads the statement.
    psql = [*command, "psql", "--no-psqlrc", "-At", "-U", user, "-d", "postgres", "--no-password"]
    version = _try(psql, "SHOW server_version;")
    sizes = _try(psql, f"{_SIZES};")
    if version is None or sizes is None:
        return []
    databases = [line.rsplit(" ", 1) for line in sizes.splitlines()]
    return [
        FoundDatabase(container, image, version.strip(), name, int(size), user, shlex.join(command))
        for name, size in databases
    ]


def _quoted(text: str, prefix: Sequence[str]) -> str:
    return shlex.quote(text) if prefix else text


def _try(command: Sequence[str], stdin: str = "") -> str | None:
    try:
        return _run(command, stdin)
    except BiDatabaseError:
        return None


def _run(command: Sequence[str], stdin: str = "") -> str:
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BiDatabaseError(f"{command[0]} cannot be run: {error}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:300]
        raise BiDatabaseError(f"{shlex.join(command)} failed: {said}")
    return done.stdout
