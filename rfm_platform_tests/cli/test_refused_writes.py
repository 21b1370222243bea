"""A home that takes nothing more is told in a sentence; a bug of ours still shows where it is."""

import errno
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from rfm_platform.cli import entry
from rfm_platform.cli.refused_writes import refused_write
from rfm_platform_tests.assets.chain import Chain, line
from rfm_platform_tests.cli.conftest import RFM, Rfm, environment

ADVICE = "must be a directory that can be written to and has space."
COMMANDS = {
    "status": ("status",),
    "checks": ("show", "checks"),
    "refresh": ("refresh", "--as-of", "2024-01-01"),
    "maintain": ("maintain",),
    "ui": ("ui",),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize("home", ["a place where nobody may make a directory", "a file"])
def test_a_home_that_cannot_be_is_a_sentence(
    rfm_here: Rfm, chain: Chain, tmp_path: Path, home: str, command: tuple[str, ...]
) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    place = file if home == "a file" else Path("/sys/rfm")  # root may not, either
    said = rfm_here(environment(chain) | {"RFM_HOME": str(place)}, *command)
    assert said.code == 1
    assert said.err.startswith(f"Error: {place}")
    assert said.err.endswith(f"RFM_HOME, or where else a setting or an option says, {ADVICE}")
    assert "Traceback" not in said.everything


@pytest.mark.parametrize("kilobytes", [0, 100, 1000])
def test_a_disk_that_is_full_is_a_sentence_however_far_a_refresh_came(
    chain: Chain, kilobytes: int
) -> None:
    """No file may grow: what a full disk is to SQLite, in whose words nobody says disk."""
    chain.fill([line("o1", "01-01")])
    assert chain.load("01-01").succeeded
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RFM_", "DAGSTER_"))}
    limited = f'ulimit -f {kilobytes * 2}; exec "$0" "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", limited, str(RFM), "refresh", "--as-of", "2024-01-02"],
        env=kept | environment(chain),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout
    said = " ".join(done.stderr.split())
    assert "Error: Dagster's storage in the home: " in said
    assert said.endswith(ADVICE)
    assert "Traceback" not in done.stdout + done.stderr


def test_what_each_library_says_of_a_disk_is_known() -> None:
    full = os.strerror(errno.ENOSPC)
    assert refused_write(OSError(errno.ENOSPC, full, "/d/f")) == (
        f"/d/f: {full}. RFM_HOME, or where else a setting or an option says, {ADVICE}"
    )
    of_delta = OSError(
        f"Generic error \x1b[31m↳\x1b[0m Unable to copy\n\x1b[31m↳\x1b[0m {full} (os error 28)"
    )
    assert (refused_write(of_delta) or "").startswith(
        f"Generic error ↳ Unable to copy ↳ {full} (os error 28). RFM_HOME"
    )
    wrapped = RuntimeError("a step")
    wrapped.__cause__ = PermissionError(errno.EACCES, "Permission denied", "/d/f")
    assert (refused_write(wrapped) or "").startswith("/d/f: Permission denied. ")


def test_sqlite_is_understood_by_its_codes(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (n INTEGER)")
    read_only = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    with pytest.raises(sqlite3.Error) as refused:
        read_only.execute("INSERT INTO t VALUES (1)")
    assert "attempt to write a readonly database" in (refused_write(refused.value) or "")
    with pytest.raises(sqlite3.Error) as unopened:
        sqlite3.connect(tmp_path / "nowhere" / "file.db")
    assert "unable to open database file" in (refused_write(unopened.value) or "")
    with pytest.raises(sqlite3.Error) as mistaken:
        read_only.execute("SELECT nothing")
    assert refused_write(mistaken.value) is None, "a statement of ours that is wrong"
    read_only.close()


@pytest.mark.parametrize(
    "bug", [KeyError("a bug"), FileNotFoundError(errno.ENOENT, "No such file", "/d/f"), OSError()]
)
def test_a_bug_keeps_its_stack(monkeypatch: pytest.MonkeyPatch, bug: Exception) -> None:
    def fail(args: object) -> None:
        raise bug

    monkeypatch.setattr(entry, "app", fail)
    with pytest.raises(type(bug)):
        entry.main([])
