"""helm, for rung 4: a chart installed and upgraded by the very command that is documented."""

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rfm_platform_tests.deploy.charts import ROOT
from rfm_platform_tests.deploy.documented import documented_commands
from rfm_platform_tests.deploy.kubectl import TIMEOUT_SECONDS

# Helm 4 only: 3 merges in the client, where nothing can conflict.
FORCE = "--force-conflicts"


def documented_upgrade(name: str, chart: str, namespace: str) -> list[str]:
    """`helm upgrade --install …` as docs/deployment.md has it, for this chart and namespace.

    The values come from standard input.
    """
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    documented = ("helm", "upgrade", "--install", name)
    (words,) = [list(c.words) for c in documented_commands(text) if c.words[:4] == documented]
    words[words.index(f"{name}/{name}")] = chart
    words[words.index("--namespace") + 1] = namespace
    while "-f" in words:
        del words[words.index("-f") : words.index("-f") + 2]
    return [*words, "-f", "-"]


@cache
def _knows(option: str) -> bool:
    said = subprocess.run(["helm", "upgrade", "--help"], capture_output=True, text=True, check=True)
    return option in said.stdout


@dataclass(frozen=True)
class Release:
    """One of the charts in one namespace."""

    name: str
    chart: Path
    namespace: str

    def upgrade(self, values: dict[str, Any]) -> None:
        """Installs it, or changes what is there; waits for its hooks.

        Raises:
            AssertionError: Helm refused, with what it said.
        """
        command = documented_upgrade(self.name, str(self.chart), self.namespace)
        if not _knows(FORCE):
            command.remove(FORCE)
        self._run([*command, "--timeout", f"{TIMEOUT_SECONDS}s"], json.dumps(values))

    def uninstall(self) -> None:
        """Takes it away; nothing happens where nothing is."""
        self._run(["helm", "uninstall", self.name, "-n", self.namespace, "--ignore-not-found"])

    def _run(self, command: list[str], given: str | None = None) -> None:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
