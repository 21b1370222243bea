"""A virtual machine's processes, killed: code server, daemon, web server, run, PostgreSQL.

Real ones, as a service manager would start them from dagster.yaml, with a PostgreSQL of the test's
own for Dagster, mart and warehouse. The test is the service manager: what has ended is started
again, and nothing else is done. Runs are asked for over HTTP, as a person's click does it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from rfm_platform.automation.instance import CONFIG_FILE
from rfm_platform.demo import synthetic
from rfm_platform.postgres import DatabaseError
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import plan_refresh
from rfm_platform_tests.assets.chain import Chain, day, new_chain
from rfm_platform_tests.conftest import free_port, url_of
from rfm_platform_tests.deploy.graphql import launch_daily, runs

DEADLINE_SECONDS = 300  # a busy machine; an idle one needs a tenth
POLL_SECONDS = 0.1
FIRST, SECOND = "12-30", "12-31"
LOCATION = "rfm_platform"


@dataclass
class Service:
    """A command that is started again whenever it has ended."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        if self.process is None or self.process.poll() is not None:
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    self.command, env=self.environment, stdout=log, stderr=log
                )
            self.starts += 1

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """As a machine that runs out of memory does it: without a word, children too."""
        killed = [*psutil.Process(self.pid).children(recursive=True), psutil.Process(self.pid)]
        for each in killed:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        assert self.process is not None
        assert self.process.wait() == -signal.SIGKILL


@dataclass
class Machine:
    """The services of one machine, and its PostgreSQL."""

    server: EmbeddedServer
    services: dict[str, Service]
    url: str

    def wait(self, reached: Callable[[], Any], what: str) -> Any:
        """Lets time pass, starting again what has ended, until something is so."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for service in self.services.values():
                service.keep()
            with suppress(DatabaseError):  # while what was killed is still going down
                self.server.start()
            with suppress(OSError, KeyError, TypeError, psutil.NoSuchProcess):
                result = reached()
                if result:
                    return result
            if time.monotonic() > deadline:
                logs = "\n".join(
                    f"--- {name}\n{service.log.read_text('utf-8')[-2000:]}"
                    for name, service in self.services.items()
                )
                pytest.fail(f"{what}: not within {DEADLINE_SECONDS} s\n{logs}")
            time.sleep(POLL_SECONDS)

    def launch(self, on: str) -> str:
        """Asks for the daily run of a day, as `launch_daily` does."""
        return launch_daily(self.url, LOCATION, day(on))

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """A run and the runs that were started in its place, newest first."""
        return [run for run in runs(self.url) if run_id in (run["runId"], run["rootRunId"])]

    def succeeded(self, run_id: str) -> bool:
        newest = self.attempts(run_id)[0]
        return bool(newest["status"] == "SUCCESS")

    def has_ended(self, run_id: str) -> bool:
        return self.attempts(run_id)[0]["status"] in {"SUCCESS", "FAILURE"}

    def workers(self) -> list[psutil.Process]:
        """The processes of the code server that execute runs."""
        children = psutil.Process(self.services["code"].pid).children(recursive=True)
        return [c for c in children if "spawn_main" in " ".join(c.cmdline())]


def _environment(chain: Chain, server: EmbeddedServer, home: Path) -> dict[str, str]:
    settings = chain.settings
    return os.environ | {
        "DAGSTER_HOME": str(home),
        "DAGSTER_PG_URL": url_of(server.database("dagster")),
        "RFM_HOME": str(settings.home),
        "RFM_SOURCE_URL": url_of(chain.mart),
        "RFM_WAREHOUSE_URL": url_of(chain.warehouse),
        "RFM_START_DATE": str(settings.start_date),
        "RFM_END_DATE": str(settings.end_date),
        "RFM_MEMORY_LIMIT_MB": "500",
        "RFM_SCHEDULES": "false",
        "PYTHONWARNINGS": "ignore",
    }


@pytest.fixture
def chain_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A PostgreSQL that may be killed."""
    server = EmbeddedServer(tmp_path / "server")
    yield server
    server.stop()


@pytest.fixture
def chain(chain_server: EmbeddedServer, tmp_path: Path) -> Chain:
    # Two days are all: a refresh would read every day before them.
    chain = new_chain(chain_server, tmp_path, start_date=day(FIRST), end_date=day(SECOND))
    synthetic.load(chain.mart, lines=3_000, days=2, dirty=False)
    return chain


@pytest.fixture
def machine(chain: Chain, chain_server: EmbeddedServer, tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "dagster"
    home.mkdir()
    # The project's own file; only what would make the test wait is shorter.
    config = yaml.safe_load(CONFIG_FILE.read_text("utf-8"))
    config["run_monitoring"] |= {"poll_interval_seconds": 1, "free_slots_after_run_end_seconds": 1}
    config["run_coordinator"] = {
        "module": "dagster._core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), "utf-8")
    code, web = free_port(), free_port()
    workspace = home / "workspace.yaml"
    grpc = {"host": "127.0.0.1", "port": code, "location_name": LOCATION}
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": grpc}]}), "utf-8")
    environment = _environment(chain, chain_server, home)
    programs = Path(sys.executable).parent

    def service(name: str, *command: object) -> Service:
        return Service([str(part) for part in command], environment, tmp_path / f"{name}.log")

    at = ("-h", "127.0.0.1", "-p")
    machine = Machine(
        chain_server,
        {
            "code": service(
                "code",
                programs / "dagster",
                "api",
                "grpc",
                *at,
                code,
                "-m",
                "rfm_platform.definitions",
            ),
            "daemon": service("daemon", programs / "dagster-daemon", "run", "-w", workspace),
            "web": service("web", programs / "dagster-webserver", *at, web, "-w", workspace),
        },
        f"http://127.0.0.1:{web}",
    )
    yield machine
    for each in machine.services.values():
        if each.process is not None and each.process.poll() is None:
            each.kill()


def test_whatever_is_killed_runs_end_in_success_with_the_tables_of_a_clean_run(
    machine: Machine, chain: Chain, tmp_path: Path
) -> None:
    lake = chain.platform.lake

    # The run, with its children, after its first step: a new run takes over from there.
    first = machine.wait(lambda: machine.launch(FIRST), "the web server takes a run")
    machine.wait(lake.source_orders.partitions, "the day is read")
    for worker in machine.workers():
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    # Meanwhile the daemon, which is to notice that.
    machine.services["daemon"].kill()
    machine.wait(lambda: machine.succeeded(first), "the killed run's day is published")
    attempts = machine.attempts(first)
    assert [run["status"] for run in attempts] == ["SUCCESS", "FAILURE"]

    # The code server and the web server; then PostgreSQL, under a run.
    machine.services["code"].kill()
    machine.services["web"].kill()
    second = machine.wait(lambda: machine.launch(SECOND), "a run after the servers were killed")
    machine.wait(lambda: len(lake.source_orders.partitions()) == 2, "the second day is read")
    pid = machine.server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    machine.wait(lambda: machine.has_ended(second), "the run ends, one way or the other")
    if not machine.succeeded(second):
        # A step that lost its connection has failed by itself: that is not retried, a person or
        # the next morning runs the day again.
        second = machine.wait(lambda: machine.launch(SECOND), "a run on the new PostgreSQL")
        machine.wait(lambda: machine.succeeded(second), "the day is published there")
    assert machine.server.status().pid != pid
    assert {name for name, each in machine.services.items() if each.starts < 2} == set()

    clean = new_chain(
        machine.server, tmp_path / "clean", start_date=day(FIRST), end_date=day(SECOND)
    )
    source = chain.settings.source_url
    clean = Chain(
        clean.settings.model_copy(update={"source_url": source}), chain.mart, clean.warehouse
    )
    for on in (FIRST, SECOND):
        (outcome,) = clean.run(*plan_refresh(day(on), all_days=False))
        assert outcome.succeeded, outcome.errors
    published = chain.published()
    assert all(published.values())
    assert published == clean.published()
