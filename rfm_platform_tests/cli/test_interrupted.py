"""Ctrl-C, which a terminal sends to every process of a command: while it starts, and in a run."""

import os
import signal
import subprocess
import sys
from types import ModuleType

import pytest

from rfm_platform.cli import main
from rfm_platform_tests.assets.chain import Chain, line
from rfm_platform_tests.cli.conftest import RFM, environment
from rfm_platform_tests.deploy.kubectl import wait_until

WAITING = (
    "SELECT COUNT(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def test_ctrl_c_ends_a_run_without_a_stack_of_somebodys_helpers(chain: Chain) -> None:
    chain.fill([line("o1", "01-01")])
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RFM_", "DAGSTER_"))}
    with chain.mart.connect() as holding:
        holding.execute("LOCK TABLE flatten_order_marketplace")
        process = subprocess.Popen(
            [str(RFM), "materialize", "--from", "2024-01-01", "--to", "2024-01-01"],
            env=kept | environment(chain),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        wait_until(
            lambda: process.poll() is not None or chain.in_mart(WAITING) != [(0,)],
            "the run waits for the table",
        )
        assert process.poll() is None, process.communicate()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "what was published before stays" in out
    assert "Traceback" not in out + err


class Interrupted(ModuleType):
    """A module during whose import Ctrl-C came."""

    def __getattr__(self, name: str) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_while_a_command_is_imported_shows_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = "rfm_platform.cli.entry"
    monkeypatch.setitem(sys.modules, entry, Interrupted(entry))
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 128 + signal.SIGINT
