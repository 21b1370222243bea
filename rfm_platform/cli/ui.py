"""`rfm ui`: Dagster's web UI over a home."""

import os
import sys
from pathlib import Path
from typing import Never

from rich.console import Console

from rfm_platform.automation.instance import HOME, open_instance, prepare_dagster_home
from rfm_platform.home import PREFIX
from rfm_platform.settings import Settings


def paths(settings: Settings) -> dict[str, str]:
    """The variables of settings that are paths, for a process that is started elsewhere."""
    found = {name: getattr(settings, name) for name in Settings.model_fields}
    return {
        f"{PREFIX}{name.upper()}": str(value)
        for name, value in found.items()
        if isinstance(value, Path)
    }


def open_ui(settings: Settings, console: Console, port: int) -> Never:
    """Becomes `dagster dev` over the settings' home, on this machine only."""
    home = prepare_dagster_home(settings)
    with open_instance(settings):
        pass  # creates the storage before several processes would at once
    console.print(f"Dagster's web UI: http://127.0.0.1:{port} (Ctrl-C ends it)")
    command = [
        sys.executable,
        *("-m", "dagster", "dev", "-m", "rfm_platform.definitions"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = {
        **os.environ,
        HOME: str(home),
        **paths(settings),
        "PYTHONWARNINGS": "ignore",  # Dagster's, about its own options
    }
    os.chdir(home)  # Dagster warns about a dagster.yaml beside it that it does not read
    os.execve(command[0], command, environment)
