"""`make`: what it would destroy that is not its own, and what it calls an image."""

import os
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from rfm_platform_tests.deploy.charts import ROOT


def _make(directory: Path, *arguments: str, **variables: str) -> CompletedProcess[str]:
    """Runs it there, apart from the one that may run these tests."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=directory,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_clean_stops_the_server_of_the_home_that_it_removes(tmp_path: Path) -> None:
    """And not of another one that happens to be exported."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    rfm = tmp_path / ".venv/bin/rfm"
    rfm.parent.mkdir(parents=True)
    rfm.write_text('#!/bin/sh\necho "$1 $RFM_HOME" > called\n', encoding="utf-8")
    rfm.chmod(0o755)
    made = _make(tmp_path, "clean", f"PYTHON={sys.executable}", RFM_HOME="/elsewhere")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "called").read_text(encoding="utf-8") == "stop .rfm\n"


@pytest.mark.parametrize("environment", [".venv", ".venv-peers"])
def test_an_environment_behind_a_link_is_not_emptied(tmp_path: Path, environment: str) -> None:
    """An environment is made anew by emptying it, and a link leads to that of another clone."""
    shutil.copy(ROOT / "Makefile", tmp_path)
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
    made = _make(tmp_path, f"{environment}/.installed", f"PYTHON={sys.executable}")
    assert (other / "theirs").exists()
    assert made.returncode != 0
    assert f"{environment} is a link to {other}, which would be emptied" in made.stdout


def test_an_image_says_its_version_and_whether_the_tree_was_as_committed(tmp_path: Path) -> None:
    tree, bin_directory = tmp_path / "tree", tmp_path / "bin"
    for directory in (tree, bin_directory):
        directory.mkdir()
    docker = bin_directory / "docker"
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', "utf-8")
    docker.chmod(0o755)

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        command = ["git", *identity, *arguments]
        return subprocess.run(
            command, cwd=tree, capture_output=True, text=True, check=True
        ).stdout.strip()

    def build_arguments() -> set[str]:
        path = f"{bin_directory}:{os.environ['PATH']}"
        made = _make(tree, "--silent", "image", PATH=path)
        assert made.returncode == 0, made.stderr
        words = made.stdout.splitlines()
        return {following for word, following in pairwise(words) if word == "--build-arg"}

    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "all")
    git("tag", "v1")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    commit = git("rev-parse", "HEAD")
    assert build_arguments() == {f"VERSION={version}", f"REVISION={commit}"}
    (tree / "pyproject.toml").write_text('version = "2.0"\n', "utf-8")
    assert build_arguments() == {"VERSION=2.0", f"REVISION={commit}-dirty"}
