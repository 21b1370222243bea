"""A container engine for the tests: the machine's own, or a private daemon for their time.

As root, with Debian's docker.io and nobody's daemon running, one is started on a socket of its own
and ended again; nothing of the machine's own engine is touched. The base image is
RFM_BASE_IMAGE, or Debian from its own archive by debootstrap, which needs no image registry.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rfm_platform_tests.deploy.charts import ROOT

RELEASE = "bookworm"
ARCHIVE = "http://deb.debian.org/debian"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
HOW = "`apt-get install docker.io debootstrap` and run as root, or start a Docker daemon"
START_SECONDS = 60
IMAGE = "rfm_platform:test"


@dataclass(frozen=True)
class Engine:
    """Docker's command line, and the daemon that it speaks to."""

    environment: dict[str, str]

    def run(self, *command: object, **options: object) -> str:
        """The output of a command.

        Raises:
            AssertionError: it failed, with what it said.
        """
        done = subprocess.run(
            ["docker", *map(str, command)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            **options,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, f"docker {command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return str(done.stdout).strip()

    def answers(self) -> bool:
        done = subprocess.run(
            ["docker", "info"], env=self.environment, capture_output=True, check=False
        )
        return done.returncode == 0


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine that answers; skips, saying how to get one."""
    if shutil.which("docker") is None:
        pytest.skip(f"RUNG 3 DID NOT RUN: no docker. {HOW}")
    own = Engine(dict(os.environ))
    if own.answers():
        yield own
        return
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip(f"RUNG 3 DID NOT RUN: no Docker daemon answers. {HOW}")
    # Kept between runs: it holds the layers of the last build.
    data = Path(os.environ.get("RFM_ENGINE_DATA", "/var/tmp/rfm_platform_engine"))  # noqa: S108
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        at = Path(directory)
        private = Engine(
            os.environ | {"DOCKER_HOST": f"unix://{at}/docker.sock", "DOCKER_BUILDKIT": "0"}
        )
        with (at / "log").open("wb") as log:
            daemon = subprocess.Popen(
                [
                    "dockerd",
                    *("--data-root", data, "--exec-root", at / "exec", "--pidfile", at / "pid"),
                    *("--host", f"unix://{at}/docker.sock", "--bridge", "none", "--iptables=false"),
                    # Some machines let nobody raise these.
                    *("--default-ulimit", "nofile=1024:4096"),
                ],
                stdout=log,
                stderr=log,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not private.answers():
                if daemon.poll() is not None or time.monotonic() > deadline:
                    tail = (at / "log").read_text("utf-8")[-1000:]
                    pytest.skip(f"RUNG 3 DID NOT RUN: dockerd does not start here:\n{tail}")
                time.sleep(0.2)
            yield private
        finally:
            daemon.terminate()
            daemon.wait()
            # The daemon leaves the host's network mounted there.
            subprocess.run(["umount", at / "exec/netns/default"], capture_output=True, check=False)


def base_images(engine: Engine) -> tuple[str, str]:
    """The image to build in and the one to run on."""
    given = os.environ.get("RFM_BASE_IMAGE")
    if given:
        return given, given
    run_on, build_in = "rfm-base:run", "rfm-base:build"
    known = engine.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    if run_on not in known:
        if shutil.which("debootstrap") is None:
            pytest.skip(f"RUNG 3 DID NOT RUN: no debootstrap and no RFM_BASE_IMAGE. {HOW}")
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory) / "root"
            subprocess.run(
                [
                    "debootstrap",
                    "--variant=minbase",
                    "--include=ca-certificates,python3",
                    RELEASE,
                    root,
                    ARCHIVE,
                ],
                check=True,
                capture_output=True,
            )
            # Whom this machine trusts: it may reach the package index through a proxy.
            shutil.copyfile(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
            for cached in (root / "var/cache/apt/archives").glob("*.deb"):
                cached.unlink()
            with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
                engine.run("import", "-", run_on, stdin=tar.stdout)
    if build_in not in known:
        recipe = (
            f"FROM {run_on}\nRUN apt-get update && apt-get install -y --no-install-recommends "
            "python3-venv python3-pip\n"
        )
        engine.run("build", "--network", "host", "-t", build_in, "-", input=recipe)
    return build_in, run_on


def build(engine: Engine) -> str:
    """Builds the project's image."""
    build_in, run_on = base_images(engine)
    engine.run(
        "build",
        *("--network", "host", "--build-arg", f"BUILD_IMAGE={build_in}"),
        *(
            "--build-arg",
            f"BASE_IMAGE={run_on}",
            "-t",
            IMAGE,
            "-f",
            ROOT / "deploy/Dockerfile",
            ROOT,
        ),
    )
    return IMAGE
