"""Every command that the documentation shows, held against what exists.

Nothing is run but `--help`. Targets and variables of make, files, settings, commands and options of
`rfm` and Dagster are always looked at; the flags of docker, helm and kubectl where they are
installed.
"""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from dagster._cli import cli as dagster_cli
from dagster._daemon.cli import cli as daemon_cli
from dagster_webserver.cli import cli as webserver_cli

from rfm_platform.cli.app import app
from rfm_platform.settings import Settings
from rfm_platform_tests.deploy.charts import ROOT, read_values
from rfm_platform_tests.deploy.conftest import REDASH_VALUES
from rfm_platform_tests.deploy.documented import Command, documented_commands

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARSERS: dict[str, Any] = {  # typer's are not click's
    "rfm": typer.main.get_command(app),
    "dagster": dagster_cli,
    "dagster-daemon": daemon_cli,
    "dagster-webserver": webserver_cli,
}
OTHERS = {"docker", "helm", "kubectl", "uv"}
# Of these the flags belong to a word more.
NESTED = {"repo", "create", "pip"}
SHELL = {"cp", "export", "grep", "mkdir"}
FILE = re.compile(r"[\w./-]+\.(?:yaml|toml|Dockerfile)")
PLACEHOLDERS = {"…", "D", "HOST"}
NOT_OURS = {"DAGSTER_HOME", "DAGSTER_PG_URL"}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def _of(page: Path) -> list[Command]:
    return documented_commands(page.read_text("utf-8"))


def _all(*programs: str) -> list[Command]:
    return [command for page in PAGES for command in _of(page) if command.program in programs]


def test_the_reader_sees_commands_as_a_shell_does() -> None:
    """Otherwise everything below would pass over nothing."""
    page = (
        "Call `rfm show` and `RFM_HOME`.\n```sh\na b > c   # it's said\n"
        "d 'e\nf' \\\n  g=https://h/?i && j\n```\n```yaml\nk: l\n```\n"
    )
    found = [(c.words, c.made, c.whole) for c in documented_commands(page)]
    assert found == [
        (("a", "b"), "c", True),
        (("d", "e\nf", "g=https://h/?i"), None, True),
        (("j",), None, True),
        (("rfm", "show"), None, False),
    ]


def test_no_command_is_of_a_program_that_nobody_looks_at() -> None:
    known = {"make", *PARSERS, *OTHERS, *SHELL}
    unknown = {(p.name, str(c)) for p in PAGES for c in _of(p) if c.program not in known}
    assert not unknown
    assert len(_all("rfm")) > 30


@pytest.mark.parametrize("command", _all("make"), ids=str)
def test_a_target_of_make_exists_and_reads_its_variables(command: Command) -> None:
    target, *variables = command.words[1:]
    assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE)
    for variable in variables:
        assert f"$({variable.partition('=')[0]})" in MAKEFILE, variable


@pytest.mark.parametrize("command", _all(*PARSERS), ids=str)
def test_a_command_line_of_ours_or_dagsters_is_parsed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    parser = PARSERS[command.program]
    words = list(command.words[1:])
    while words and hasattr(parser, "commands"):
        parser = parser.commands[words.pop(0)]
    options = {name for p in parser.params for name in (*p.opts, *p.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert given <= options | {"--help"}
    if command.whole and not PLACEHOLDERS & set(words):
        parser.make_context(str(command), words)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_exist_or_were_made_by_a_command_before(page: Path) -> None:
    made: set[str] = set()
    for command in _of(page):
        if command.program == "cp" and FILE.fullmatch(command.words[-1]):
            made.add(command.words[-1])
        for word in command.words[1:]:
            if FILE.fullmatch(word) and word not in made:
                assert (ROOT / word).is_file(), (str(command), word)
        if command.made:
            made.add(command.made)
    # What a command leaves in the tree holds passwords or addresses.
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert made <= set(ignored)


def test_variables_that_are_exported_are_settings() -> None:
    names = {w.partition("=")[0] for c in _all("export") for w in c.words[1:] if "=" in w}
    settings = {f"RFM_{name.upper()}" for name in Settings.model_fields}
    assert names
    assert names <= settings | NOT_OURS


def test_one_release_of_redash_is_named_throughout() -> None:
    """As its image's tag has it: `rfm bi values` makes a tag of what is exported."""
    tag = read_values(REDASH_VALUES)["image"]["tag"]
    exported = {w for c in _all("export") for w in c.words if w.startswith("RFM_REDASH_VERSION=")}
    assert exported == {f"RFM_REDASH_VERSION={tag}"}
    upgraded = {w for c in _all("kubectl") for w in c.words if w.startswith("--image=redash/")}
    assert upgraded == {f"--image=redash/redash:{tag}"}


@cache
def _said(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("program", sorted(OTHERS))
def test_flags_of_other_programs_are_known_to_them(program: str) -> None:
    path = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if path is None:
        pytest.skip(f"the documented flags of {program} were not looked at: it is not installed")
    # `--force-conflicts` is Helm 4's; the page says that Helm 3 does without.
    if program == "helm" and _said(path, "version", "--short").startswith("v3"):
        pytest.skip("the documented flags of helm were not looked at: they are Helm 4's, here is 3")
    for command in _all(program):
        words = list(command.words[1:])
        if words[0] == "--namespace":
            words = [*words[2:], *words[:2]]
        depth = 2 if words[0] in NESTED else 1
        said = _said(path, *words[:depth], "--help")
        if program == "kubectl":
            said += _said(path, "options")
        for word in words[depth:]:
            if word.startswith("-"):
                name = re.escape(word.partition("=")[0])
                assert re.search(rf"(?:^|\s|,){name}[\s,=]", said), (str(command), word)
