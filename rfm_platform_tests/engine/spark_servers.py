"""Spark Connect servers for the tests: Sail always, Apache Spark where it can be run."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from rfm_platform_tests.conftest import free_port

HOME = "RFM_TEST_SPARK_HOME"
START_SECONDS = 90


def why_not() -> str | None:
    """Why Apache Spark cannot be run here; None: it can."""
    if shutil.which("java") is None:
        return "Apache Spark did NOT run: there is no java"
    if spark_home() is None:
        return f"Apache Spark did NOT run: set {HOME}, or install the full pyspark"
    return None


def spark_home() -> Path | None:
    """A directory with Apache Spark and its Connect server's classes."""
    asked_for = os.environ.get(HOME)
    found = importlib.util.find_spec("pyspark")
    places = [Path(asked_for)] if asked_for else []
    if found is not None and found.origin is not None:
        places.append(Path(found.origin).parent)
    return next((p for p in places if any(p.glob("jars/spark-connect_*.jar"))), None)


@contextmanager
def apache_spark(work: Path, *options: str) -> Iterator[str]:
    """A Connect server of Apache Spark, `local[2]`; its address."""
    home, port = spark_home(), free_port()
    assert home is not None
    settings = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(work / "warehouse"),
    }
    command = [
        str(home / "bin" / "spark-submit"),
        "--class",
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "--master",
        "local[2]",
        *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
        *options,
        "spark-internal",
    ]
    with (work / "spark.log").open("wb") as log:
        # Away from here: it would take this environment's pyspark for its own.
        environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=work)
        try:
            wait_until_it_listens(server, port, work / "spark.log")
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


@contextmanager
def sail(
    work: Path,
    *,
    workers: int | None = None,
    port: int | None = None,
    settings: dict[str, str] | None = None,
) -> Iterator["Server"]:
    """A Sail server in a process of its own; with workers, in its local cluster mode."""
    port = port or free_port()
    environment = os.environ | {"RUST_LOG": "error", "RUST_BACKTRACE": "0"} | (settings or {})
    if workers is not None:
        environment |= {
            "SAIL_MODE": "local-cluster",
            "SAIL_CLUSTER__WORKER_INITIAL_COUNT": str(workers),
        }
    command = [str(Path(sys.executable).with_name("sail")), "spark", "server", "--port", str(port)]
    with (work / "sail.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=work)
        try:
            wait_until_it_listens(process, port, work / "sail.log")
            yield Server(f"sc://127.0.0.1:{port}", port, process)
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Server:
    """A server in a process of its own, which a test may kill."""

    remote: str
    port: int
    process: "subprocess.Popen[bytes]"


def wait_until_it_listens(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Waits for a server of ours to take connections."""
    deadline = time.monotonic() + START_SECONDS
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                grpc.channel_ready_future(channel).result(timeout=1)
            except grpc.FutureTimeoutError:
                continue
            return
    raise AssertionError(f"no server: {log.read_text(errors='replace')[-2000:]}")
