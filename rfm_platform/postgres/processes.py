"""Run a program that refuses root, let it outlive us, and recognise it later.

PostgreSQL refuses to run as root, so a root's server runs as ``nobody``: an account that is always
there, so that none is created. Such a home may lie where ``nobody`` cannot enter (``/root`` is
closed). No directory's mode is changed for that; the program keeps one right of root's instead, to
read and to enter (CAP_DAC_READ_SEARCH), and only where it is needed.

The file is also the launcher itself: a fresh interpreter runs it by its path, drops root's rights
and becomes the program. A ``preexec_fn`` would do the same between fork and exec of a process that
has threads (DuckDB, psycopg), where anything but a system call may hang. So: standard library only,
and no import of our own.
"""

import ctypes
import errno
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NOBODY = "nobody"
# What a child may inherit. Not our environment: PGPORT, PGDATA or PGOPTIONS would bend the server,
# and messages must be English for us to recognise them.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

# linux/prctl.h, linux/securebits.h, linux/capability.h
PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_READ_SEARCH, CAP_SETPCAP = 2, 8


class LaunchError(RuntimeError):
    """A program that could not be started as the account that it needs; says what to do."""


@dataclass(frozen=True)
class Account:
    """Who a program runs as: user and group id."""

    uid: int
    gid: int

    @property
    def is_borrowed(self) -> bool:
        """Whether it is ``nobody``, lent by root: other programs may run as that account too."""
        return os.geteuid() == 0 and self.uid == pwd.getpwnam(NOBODY).pw_uid


def account_for(directory: Path) -> Account:
    """The account that a program with this data directory runs as.

    An ordinary user's is their own. Root's is the owner of the directory, where there is one, so
    that ``sudo`` in somebody's home does not take it away from them; else ``nobody``.

    Raises:
        LaunchError: the directory belongs to another ordinary user.
    """
    owner = directory.stat() if directory.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise LaunchError(
                f"{directory} belongs to another account (user id {owner.st_uid}): "
                "run as that account or as root, or set RFM_HOME to a directory of your own"
            )
        return Account(os.geteuid(), os.getegid())
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam(NOBODY)
    return Account(nobody.pw_uid, nobody.pw_gid)


def run(command: Sequence[str], account: Account, directory: Path) -> None:
    """Run a program that works in the directory to its end.

    Raises:
        LaunchError: it failed; with the last lines that it wrote.
    """
    done = subprocess.run(
        _launcher("wait", account, directory, command),
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines()[-4:]
        raise LaunchError(f"{Path(command[0]).name} failed: " + " | ".join(lines))


def detach(command: Sequence[str], account: Account, directory: Path, log: Path) -> int:
    """Start a program in a session of its own, writing to the log, and return its process id."""
    # root may be in somebody's directory: it follows no link there, and leaves them their log
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if os.geteuid() == 0:
            os.fchown(output, account.uid, account.gid)
        done = subprocess.run(
            _launcher("detach", account, directory, command),
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            check=True,
        )
    finally:
        os.close(output)
    return int(done.stdout)


def is_running(program: str, directory: Path, pid: int) -> bool:
    """Whether this process is the program, called with ``-D <directory>`` or working in it.

    Ids are used again, after a restart of the machine at the latest: an id alone says nothing.
    """
    name, _, arguments = _command_line(pid).partition(" -D ")
    if not name.endswith(f"/{program}"):
        return False
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(directory)  # noqa: PTH115 - the raw text
    except OSError:  # no /proc (macOS), or a root without the right to look (containers)
        return arguments.startswith(f"{directory} ")


def is_alive(pid: int) -> bool:
    """Whether the process has not ended; one that has but to be reaped has."""
    if sys.platform == "linux":  # id (name) state …
        state = _proc(pid, "stat").rpartition(")")[2].strip()
    else:
        state = _ps(pid, "stat")
    return state != "" and state[0] not in "ZX"


def exists(pid: int) -> bool:
    """Whether any process has this id."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True


def _command_line(pid: int) -> str:
    if sys.platform == "linux":
        return _proc(pid, "cmdline").replace("\0", " ")
    return _ps(pid, "command") + " "


def _proc(pid: int, name: str) -> str:
    try:
        return os.fsdecode(Path(f"/proc/{pid}/{name}").read_bytes())
    except OSError:
        return ""


def _ps(pid: int, column: str) -> str:
    command = ["ps", "-ww", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


def _launcher(mode: str, account: Account, directory: Path, command: Sequence[str]) -> list[str]:
    # -I -S: neither PYTHON* variables nor site-packages; starts in 10 ms and imports only the
    # standard library, while it is still root
    python = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    return [*python, mode, str(account.uid), str(account.gid), str(directory), *command]


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _become(account: Account, needed: Sequence[Path]) -> None:
    """Become the account for good; keep the right to read and enter if a path needs it."""
    libc = ctypes.CDLL(None, use_errno=True)
    on_linux = sys.platform == "linux"

    def call(function: str, *arguments: object) -> None:
        if getattr(libc, function)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), function)

    def allow(*, now: int, inherited: int) -> None:
        sets = (_Sets * 2)()  # the second holds capabilities 32 and up: none of them
        sets[0] = _Sets(now, now, inherited)
        header = _Header(CAPABILITY_VERSION_3, 0)
        call("capset", ctypes.byref(header), ctypes.byref(sets))

    if on_linux:
        call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    # access() asks with the plain rights of the account: the capabilities do not count yet
    closed = next((path for path in needed if not os.access(path, os.R_OK | os.X_OK)), None)
    try:
        if closed is None:
            if on_linux:
                allow(now=0, inherited=0)
            return
        if not on_linux:
            raise PermissionError
        kept = 1 << CAP_DAC_READ_SEARCH
        allow(now=kept | 1 << CAP_SETPCAP, inherited=kept)
        # PostgreSQL looks for its own programs with access(), which forgets capabilities without
        # this bit
        call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        allow(now=kept, inherited=kept)
        call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0)
    except OSError:
        raise LaunchError(
            f"root's server runs as user id {account.uid}, which cannot enter {closed}, and this "
            "system does not let root lend it the right to. Run as an ordinary user; or set "
            "RFM_HOME to a directory, and keep the Python environment in one, that every account "
            "can enter"
        ) from None


def main(arguments: Sequence[str]) -> None:
    """The launcher: ``wait|detach <uid> <gid> <directory> <program> <argument>…``."""
    mode, uid, gid, directory, *command = arguments
    if mode == "detach":
        os.setsid()
        if pid := os.fork():
            sys.stdout.write(str(pid))
            return
        os.dup2(2, 1)  # or whoever waits for our output would wait for the server's end
    try:
        if os.geteuid() == 0:
            _become(Account(int(uid), int(gid)), [Path(directory), Path(command[0])])
        os.execv(command[0], command)
    except (LaunchError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
