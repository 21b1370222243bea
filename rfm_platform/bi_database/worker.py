"""The process that restores: ``python -m rfm_platform.bi_database.worker JOB``.

It logs in by the service file in the job's directory, which it removes at the end, and takes no
secret on its command line.
"""

import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from rfm_platform.bi_database.archive import readable
from rfm_platform.bi_database.dump import ARCHIVE
from rfm_platform.bi_database.emptying import already_there, empty
from rfm_platform.bi_database.file_lock import reading
from rfm_platform.bi_database.grants import give
from rfm_platform.bi_database.job import UNTOUCHED, RestoreState, read_job, write_state
from rfm_platform.bi_database.limits import lift_limits
from rfm_platform.bi_database.manifest import NAME, read_manifest
from rfm_platform.bi_database.private_file import open_private
from rfm_platform.bi_database.restore import IDENTITY
from rfm_platform.bi_database.tools import ending_with_us, remove_login, stream
from rfm_platform.errors import PlatformError
from rfm_platform.postgres import Database

# pg_restore's messages that tell that a step begins.
_STEPS = ("creating ", "processing ", "executing ", "launching item ", "finished item ")
# From 17 on it sets what an earlier server does not know, in each of its connections; and what it
# says of that. Several processes write their messages, so that beginnings of lines may be mixed.
_NEW_IN = 170000
_NOT_KNOWN = re.compile(
    r'.*ERROR: +unrecognized configuration parameter "transaction_timeout"'
    r"|Command was: SET transaction_timeout = 0;|.*warning: .*|"
)
# What a server adds to an error may quote a row, whose line ends begin lines as well: all of it is
# left out until pg_restore says something itself again.
_MAY_QUOTE = re.compile(r"\b(DETAIL|CONTEXT|HINT):", re.IGNORECASE)
_OWN_WORDS = ("error:", "warning:", "while ", "from TOC entry ", "Command was:")


class _RestoreFailedError(PlatformError):
    """What pg_restore said."""


def _in_words(error: BaseException) -> str:
    """What went wrong; of an error that is not known only its type, as its text may quote a row."""
    if isinstance(error, psycopg.Error):
        return " ".join(_without_rows(str(error).splitlines()))
    if isinstance(error, PlatformError | OSError):
        return str(error).strip()
    traceback.print_tb(error.__traceback__)
    return f"its process was stopped by {type(error).__name__}"


def _without_rows(said: Iterable[str]) -> list[str]:
    """Lines of messages without what may quote a row."""
    told = []
    quotes = False
    for text in said:
        if quotes and not text.startswith(_OWN_WORDS):
            continue
        found = _MAY_QUOTE.search(text)
        quotes = found is not None
        if kept := text[: found.start()].strip() if found else text:
            told.append(kept)
    return told


class _Worker:
    def __init__(self, job: Path) -> None:
        self._job = job
        self._task = read_job(job)
        self._target = Database(self._task["label"], dict)  # libpq takes the service's parameters
        self._state = RestoreState(os.getpid())
        self._note()

    def run(self) -> None:
        try:
            self._restore()
        except BaseException as error:
            self._note(failure=_in_words(error), target_is=self._clean())
        else:
            self._note(succeeded=True)
        finally:
            # The password first: whoever is told of the end finds nothing of it.
            remove_login(self._job)
            self._note(ended=True)

    def _restore(self) -> None:
        directory = Path(self._task["directory"])
        with reading(directory / NAME):
            self._restore_from(directory)

    def _restore_from(self, directory: Path) -> None:
        manifest = read_manifest(directory)
        if self._task["ended"] != manifest.ended.isoformat():
            raise _RestoreFailedError(f"{directory} was replaced by another dump: restore again")
        if manifest.is_encrypted:
            self._note(phase="decrypting")
        with readable(directory, manifest, os.environ.get(IDENTITY)) as place:
            listed = self._list_entries(place / ARCHIVE)
            # Only now, when the dump is known to be readable and the target answers.
            with self._target.connect():
                self._note(touched=True)
            if self._task["replace"]:
                self._note(phase="emptying the target")
                empty(self._target, self._task["extensions"])
            self._run_pg_restore(place / ARCHIVE, self._select_entries(listed))
        self._note(phase="giving rights")
        give(self._target, manifest.state, self._task["roles"])
        self._note(phase="gathering statistics")
        self._analyze()

    def _list_entries(self, archive: Path) -> list[bytes]:
        listing = subprocess.run(
            [self._task["pg_restore"], "--list", str(archive)], capture_output=True, check=False
        )
        if listing.returncode != 0:
            said = listing.stderr.decode(errors="replace").strip()
            raise _RestoreFailedError(f"pg_restore cannot read the dump: {said}")
        return [line for line in listing.stdout.splitlines() if not line.startswith(b";")]

    def _select_entries(self, listed: list[bytes]) -> tuple[int, list[str]]:
        """How many entries are restored; and the options that leave out what is there already."""
        there = "|".join(map(re.escape, already_there(self._target)))
        # The last word is the owner.
        refused = re.compile(rf"\d+; \d+ \d+ (?:{there}) \S*".encode())
        taken = [line for line in listed if not there or not refused.fullmatch(line)]
        if len(taken) == len(listed):
            return len(listed), []
        selection = self._job / "entries"
        with open_private(selection) as file:
            file.write(b"\n".join(taken) + b"\n")
        return len(taken), [f"--use-list={selection}"]

    def _analyze(self) -> None:
        """Gathers statistics. Without them the target is slow for a while, and whole."""
        try:
            with self._target.connect() as connection:
                connection.autocommit = True
                lift_limits(connection)
                connection.execute("ANALYZE")
        except PlatformError as error:
            self._note(
                note=f"The statistics could not be gathered ({error}): run ANALYZE, until then "
                "queries may be slow."
            )

    def _run_pg_restore(self, archive: Path, selected: tuple[int, list[str]]) -> None:
        total, selection = selected
        with self._target.connect() as connection:
            knows_all = connection.info.server_version >= _NEW_IN
        in_parallel = self._task["jobs"] > 1 or not knows_all
        command = [
            self._task["pg_restore"],
            "--dbname=service=rfm",
            "--no-owner",
            "--no-acl",
            "--no-password",
            f"--jobs={self._task['jobs']}" if in_parallel else "--single-transaction",
            # It would stop at what an earlier server does not know. So it goes on, and says nothing
            # but what went wrong.
            *(["--exit-on-error", "--verbose"] if knows_all else []),
            *selection,
            str(archive),
        ]
        self._note(phase="restoring", total=total if knows_all else 0)
        process = subprocess.Popen(
            ending_with_us(command), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        said: list[str] = []
        done = 0
        try:
            for raw in stream(process.stderr):
                text = raw.decode(errors="replace").strip().removeprefix("pg_restore: ")
                if text.startswith("error:") if knows_all else not _NOT_KNOWN.fullmatch(text):
                    said.append(text)
                done += text.startswith(_STEPS[4] if in_parallel else _STEPS[:3])
                self._note(done=min(done, total))
            code = process.wait()
        finally:
            process.kill()  # it must not go on while the target is emptied
            process.wait()
        if code != 0 and (knows_all or code != 1 or said):
            told = " ".join(_without_rows(said)[:3]) or "it was killed"
            raise _RestoreFailedError(f"pg_restore ended with code {code}: {told}")

    def _clean(self) -> str:
        if not self._state.touched:
            return UNTOUCHED
        self._note(phase="emptying the target")
        try:
            empty(self._target, self._task["extensions"])
        except PlatformError as error:
            return f"The target holds a part and could not be emptied: {error}"
        return "The target is empty."

    def _note(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)
        write_state(self._job, self._state)


if __name__ == "__main__":
    _Worker(Path(sys.argv[1])).run()
