"""`make`: what it would destroy that is not its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_clean_stops_the_server_of_the_home_that_it_removes(tmp_path: Path) -> None:
    """And not of another one that happens to be exported."""
    shutil.copy(MAKEFILE, tmp_path)
    rfm = tmp_path / ".venv/bin/rfm"
    rfm.parent.mkdir(parents=True)
    rfm.write_text('#!/bin/sh\necho "$1 $RFM_HOME" > called\n', encoding="utf-8")
    rfm.chmod(0o755)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(
        ["make", "clean", f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        env=variables | {"RFM_HOME": "/elsewhere"},
        capture_output=True,
        check=True,
    )
    assert (tmp_path / "called").read_text(encoding="utf-8") == "stop .rfm\n"


@pytest.mark.parametrize("environment", [".venv", ".venv-peers"])
def test_an_environment_behind_a_link_is_not_emptied(tmp_path: Path, environment: str) -> None:
    """An environment is made anew by emptying it, and a link leads to that of another clone."""
    shutil.copy(MAKEFILE, tmp_path)
    other = tmp_path / "another clone's"
    other.mkdir()
    (other / "theirs").touch()
    for needed in ("requirements", "requirements-uv", "requirements-peers"):
        (tmp_path / f"{needed}.lock").touch()
    (tmp_path / "pyproject.toml").touch()
    if environment == ".venv-peers":  # whose environment is made by the uv of the other
        uv = tmp_path / ".venv/bin/uv"
        uv.parent.mkdir(parents=True)
        uv.write_text("#!/bin/sh\nrm .venv-peers/*\n", encoding="utf-8")
        uv.chmod(0o755)
        (tmp_path / ".venv/.installed").touch()
    (tmp_path / environment).symlink_to(other)
    made = subprocess.run(
        ["make", f"{environment}/.installed", f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (other / "theirs").exists()
    assert made.returncode != 0
    assert f"{environment} is a link to {other}, which would be emptied" in made.stdout
