"""The image, built and run: what is in it, its memory, a day in it, killed and continued.

`make test-containers`. Run pods are what the run launcher would make of them: the command of the
Job, in a container with that Job's limits, killed as a node kills it, continued by the command of
the Job that run monitoring would create.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs, ResumeRunArgs

from rfm_platform.definitions import build_defs
from rfm_platform.demo import synthetic
from rfm_platform.demo.mart import create_tables
from rfm_platform.partitions import LateChanges
from rfm_platform.postgres import Database, external
from rfm_platform.runs import plan_refresh
from rfm_platform.settings import Settings, read_settings
from rfm_platform.wiring import build_platform
from rfm_platform_tests.assets.chain import Chain, day
from rfm_platform_tests.conftest import free_port
from rfm_platform_tests.deploy.charts import ROOT
from rfm_platform_tests.deploy.engine import Engine, build, engine

pytestmark = pytest.mark.skipif(
    not os.environ.get("RFM_TEST_CONTAINERS"), reason="RUNG 3 DID NOT RUN: `make test-containers`"
)

DAY = "12-31"
MEMORY = 2 << 30
DEADLINE_SECONDS = 180
# As the values set them: no root, nothing writable but what is mounted, no capability.
RESTRICTED = (
    *("--network", "host", "--read-only", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--tmpfs", "/tmp"),  # noqa: S108
    *("--tmpfs", "/opt/dagster/home:uid=10001", "--tmpfs", "/spill:uid=10001"),
)


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with engine() as found:
        yield found


@pytest.fixture(scope="module")
def image(docker: Engine) -> str:
    return build(docker)


def _wait(reached: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (result := reached()):
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_SECONDS} s"
        time.sleep(0.1)
    return result


def test_the_image_is_small_and_its_user_is_nobody(docker: Engine, image: str) -> None:
    (found,) = json.loads(docker.run("inspect", image))
    assert found["Config"]["User"] == "10001:10001"
    assert found["Config"]["Healthcheck"]["Test"][0] == "CMD"
    assert found["Config"]["Labels"]["org.opencontainers.image.title"] == "rfm_platform"
    assert found["Size"] < 1_300_000_000  # a sixth of it for the client of a Spark server


def test_no_build_tool_and_no_secret_is_in_the_image(docker: Engine, image: str) -> None:
    look = "for tool in pip pip3 uv gcc cc make git curl; do command -v $tool; done; true"
    assert docker.run("run", "--rm", *RESTRICTED, image, "sh", "-c", look) == ""
    variables = docker.run("run", "--rm", *RESTRICTED, image, "env")
    assert not re.findall(r"(?i)(password|secret|token|_url)=", variables)
    history = docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert not re.findall(r"(?i)(password|secret|token)=", history)
    assert docker.run("run", "--rm", *RESTRICTED, image, "ls", "-A", "/opt/app").split() == [
        "LICENSE",
        "__pycache__",
        "bin",
        "dagster.yaml",
        "rfm_platform",
        "sbom.py",
        "workspace.yaml",
    ]


def test_the_image_holds_what_the_lock_file_says(docker: Engine, image: str) -> None:
    bom = json.loads(docker.run("run", "--rm", *RESTRICTED, image, "python", "/opt/app/sbom.py"))
    installed = {
        (c["name"].lower().replace("_", "-").replace(".", "-"), c["version"])
        for c in bom["components"]
        if c["purl"].startswith("pkg:pypi/")
    }
    lock = (ROOT / "requirements-runtime.lock").read_text("utf-8")
    locked = {
        (n.replace(".", "-").lower(), v)
        for n, v in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE)
    }
    # Of the lock file's lines some are for other systems; nothing is installed beyond it.
    assert installed <= locked
    assert {"dagster", "duckdb", "deltalake"} <= {name for name, _ in installed}


def test_the_clients_of_postgresql_are_there(docker: Engine, image: str) -> None:
    for tool in ("pg_dump", "pg_restore", "psql", "pg_isready"):
        assert "PostgreSQL" in docker.run("run", "--rm", *RESTRICTED, image, tool, "--version")


@pytest.mark.parametrize("limit", [1 << 30, MEMORY])
def test_the_engines_memory_follows_the_containers(docker: Engine, image: str, limit: int) -> None:
    ask = (
        "from rfm_platform.settings import load_settings; from rfm_platform.wiring import "
        "build_platform as b; s = load_settings()\n"
        "with b(s).engine.session() as e: print(s.memory_limit, "
        "e.rows(\"SELECT current_setting('memory_limit')\")[0][0])"
    )
    said = docker.run(
        "run", "--rm", "--memory", limit, *RESTRICTED, "-e", "RFM_SPILL_DIRECTORY=/spill", image,
        "python", "-c", ask,
    )  # fmt: skip
    number, duckdbs = said.split(maxsplit=1)
    assert int(number) == limit // 4
    assert duckdbs == f"{limit / 4 / (1 << 20):.1f} MiB"


# -------------------------------------------------------------------------------- a day


@pytest.fixture(scope="module")
def port(docker: Engine, image: str) -> Iterator[int]:
    """A PostgreSQL in a container: Dagster's, mart, warehouses. Its port on this machine."""
    port = free_port()
    script = (
        "bin=$(dirname $(readlink -f $(command -v pg_dump))); "
        "$bin/initdb -D /tmp/data -U rfm -A trust > /dev/null && "
        f"exec $bin/postgres -D /tmp/data -k /tmp -h 127.0.0.1 -p {port}"
    )
    name = docker.run("run", "-d", "--rm", *RESTRICTED, image, "sh", "-c", script)

    def answers() -> bool:
        try:
            with psycopg.connect(_url(port, "postgres"), autocommit=True) as connection:
                for database in ("mart", "warehouse", "clean", "dagster"):
                    connection.execute(f'CREATE DATABASE "{database}"'.encode())
        except psycopg.OperationalError:
            return False
        return True

    try:
        _wait(answers, "PostgreSQL takes connections")
        yield port
    finally:
        docker.run("kill", name)


def _url(port: int, database: str) -> str:
    return f"postgresql://rfm@127.0.0.1:{port}/{database}"


def _chain(home: Path, port: int, warehouse: str) -> Chain:
    settings: Settings = read_settings(
        home,
        source_url=_url(port, "mart"),
        warehouse_url=_url(port, warehouse),
        start_date=day(DAY),
        end_date=day(DAY),
    )
    mart: Database = external("mart", _url(port, "mart"))
    return Chain(settings, mart, external("warehouse", _url(port, warehouse)))


def test_a_run_pod_that_is_killed_is_continued_by_another(
    docker: Engine, image: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    home = tmp_path / "home"
    instance_home = tmp_path / "dagster"
    for directory in (home, instance_home):
        directory.mkdir()
        os.chown(directory, 10001, 10001)
    chain = _chain(home, port, "warehouse")
    with chain.mart.connect() as connection:
        create_tables(connection)
    synthetic.load(chain.mart, lines=20_000, days=1, dirty=False)

    monkeypatch.setenv("DAGSTER_PG_URL", _url(port, "dagster"))
    (instance_home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    origin = JobPythonOrigin(
        "daily",
        RepositoryPythonOrigin(
            executable_path="/opt/venv/bin/python",
            code_pointer=ModuleCodePointer("rfm_platform.definitions", "defs", None),
        ),
    )
    variables = {
        "DAGSTER_PG_URL": _url(port, "dagster"),
        "RFM_HOME": "/var/lib/rfm",
        "RFM_SPILL_DIRECTORY": "/spill",
        "RFM_SOURCE_URL": _url(port, "mart"),
        "RFM_WAREHOUSE_URL": _url(port, "warehouse"),
        "RFM_START_DATE": str(day(DAY)),
        "RFM_END_DATE": str(day(DAY)),
    }
    pod = (
        *("--memory", MEMORY, *RESTRICTED, "-v", f"{home}:/var/lib/rfm"),
        *("-v", f"{instance_home}:{instance_home}"),
        *(part for name, value in variables.items() for part in ("-e", f"{name}={value}")),
        image,
    )
    lake = build_platform(chain.settings).lake
    with dg.DagsterInstance.from_config(str(instance_home)) as instance:
        run = instance.create_run_for_job(
            build_defs(chain.settings).resolve_job_def("daily"),
            job_code_origin=origin,
            run_config=LateChanges.WINDOW.config,
            tags={"dagster/partition": str(day(DAY))},
            status=dg.DagsterRunStatus.STARTING,
        )
        execute = ExecuteRunArgs(origin, run.run_id, instance.get_ref()).get_command_args()
        first = docker.run("run", "-d", *pod, *execute)
        _wait(lake.source_orders.partitions, "the day is read")
        os.kill(int(docker.run("inspect", "-f", "{{.State.Pid}}", first)), 9)
        assert docker.run("wait", first) == "137"
        interrupted = instance.get_run_by_id(run.run_id)
        assert interrupted is not None
        assert interrupted.status is dg.DagsterRunStatus.STARTED

        again = ResumeRunArgs(origin, run.run_id, instance.get_ref()).get_command_args()
        began = time.monotonic()
        docker.run("run", "--rm", *pod, *again)
        print(f"continued and finished in {time.monotonic() - began:.1f} s")
        finished = instance.get_run_by_id(run.run_id)
        assert finished is not None
        assert finished.status is dg.DagsterRunStatus.SUCCESS
    docker.run("rm", first)

    clean = _chain(tmp_path / "clean", port, "clean")
    monkeypatch.delenv("DAGSTER_PG_URL")
    (outcome,) = clean.run(*plan_refresh(day(DAY), all_days=False))
    assert outcome.succeeded, outcome.errors
    published = chain.published()
    assert all(published.values())
    assert published == clean.published()


def test_a_code_server_that_is_killed_comes_back_healthy(docker: Engine, image: str) -> None:
    """As the image starts it, without any setting."""
    port = free_port()
    command = (
        "dagster",
        "api",
        "grpc",
        "-h",
        "127.0.0.1",
        "-p",
        port,
        "-m",
        "rfm_platform.definitions",
    )
    name = docker.run("run", "-d", "--restart", "always", *RESTRICTED, image, *command)
    try:
        check = ("exec", name, "dagster", "api", "grpc-health-check", "-p", str(port))

        def healthy() -> bool:
            return (
                subprocess.run(
                    ["docker", *check], env=docker.environment, capture_output=True, check=False
                ).returncode
                == 0
            )

        _wait(healthy, "the code server answers")
        pid = docker.run("inspect", "-f", "{{.State.Pid}}", name)
        os.kill(int(pid), 9)
        began = time.monotonic()
        _wait(
            lambda: docker.run("inspect", "-f", "{{.State.Pid}}", name) not in ("0", pid),
            "it is started",
        )
        _wait(healthy, "it answers again")
        print(f"killed code server answers again after {time.monotonic() - began:.1f} s")
    finally:
        docker.run("rm", "-f", name)
