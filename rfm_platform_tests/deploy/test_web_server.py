"""The image's web server, ended as Kubernetes ends it."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from rfm_platform_tests.conftest import free_port
from rfm_platform_tests.deploy.charts import ROOT


def test_it_answers_for_a_while_after_it_was_told_to_end(tmp_path: Path) -> None:
    """Otherwise requests fail that a service sends before it knows."""
    port = free_port()

    def answers() -> bool:
        try:
            address = f"http://127.0.0.1:{port}/server_info"
            with urllib.request.urlopen(address, timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    environment = os.environ | {
        "DAGSTER_HOME": str(tmp_path),
        # As the image has it; at its end the server would wait for an upload that hangs.
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        [
            ROOT / "deploy/dagster-webserver",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "--empty-workspace",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not answers():
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        while time.monotonic() < told + 3:
            assert answers()
        process.wait(60)
        assert not answers()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


DEAF_SERVER = """#!{python}
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
time.sleep({deaf_seconds})
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(60)
sys.exit("nobody told me")
"""


def test_a_server_that_did_not_hear_it_is_told_again(tmp_path: Path) -> None:
    """Dagster's ignores SIGTERM while it starts; the pod would wait until it is killed."""
    server = tmp_path / "dagster-webserver"
    # Longer than it is left alone after the pod was told.
    server.write_text(DEAF_SERVER.format(python=sys.executable, deaf_seconds=7), "utf-8")
    for program in (server, tmp_path / "dagster"):
        program.touch()
        program.chmod(0o755)
    with subprocess.Popen(
        [ROOT / "deploy/dagster-webserver"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
