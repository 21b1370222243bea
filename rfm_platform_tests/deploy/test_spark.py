"""The cluster's engine beside Dagster: what Kubernetes takes, who may reach it, what it may see."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from contextlib import suppress
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import kubernetes_validate
import pysail
import pytest
import sqlalchemy as sa
import yaml

from rfm_platform.engine.spark import SparkEngine
from rfm_platform_tests.conftest import free_port
from rfm_platform_tests.deploy.charts import ROOT
from rfm_platform_tests.deploy.conftest import DAGSTER_VALUES
from rfm_platform_tests.deploy.kubectl import wait_until

OBJECTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((ROOT / "deploy" / "spark.yaml").read_text("utf-8"))
)
VALUES = yaml.safe_load(DAGSTER_VALUES.read_text("utf-8"))
(DEPLOYMENT,) = [each for each in OBJECTS if each["kind"] == "Deployment"]
POD = DEPLOYMENT["spec"]["template"]
SAIL = POD["spec"]["containers"][0]
ENVIRONMENT = {each["name"]: each.get("value") for each in SAIL["env"]}
WORKER = json.loads(ENVIRONMENT["SAIL_KUBERNETES__WORKER_POD_TEMPLATE"])


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda o: f"{o['kind']}-{o['metadata']['name']}")
def test_kubernetes_takes_each_object(thing: dict[str, Any]) -> None:
    kubernetes_validate.validate(thing, "1.37", strict=True)


def test_kubernetes_takes_the_workers_that_the_server_makes() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "worker", **WORKER["metadata"]},
        "spec": WORKER["spec"]
        | {"containers": [{**WORKER["spec"]["containers"][0], "image": SAIL["image"]}]},
    }
    kubernetes_validate.validate(pod, "1.37", strict=True)


def test_server_and_workers_see_the_lake_where_runs_see_it() -> None:
    mount = {"name": "shared", "mountPath": "/var/lib/rfm", "subPath": "home"}
    launcher = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    assert mount in launcher["volumeMounts"]
    assert mount in SAIL["volumeMounts"]
    assert mount in WORKER["spec"]["containers"][0]["volumeMounts"]
    (claim,) = [v for v in launcher["volumes"] if v["name"] == "shared"]
    assert claim in POD["spec"]["volumes"]
    assert claim in WORKER["spec"]["volumes"]
    assert POD["spec"]["securityContext"]["runAsUser"] == 10001, "the owner of the lake's files"
    assert WORKER["spec"]["securityContext"] == POD["spec"]["securityContext"]


def test_nobody_but_runs_and_workers_reaches_the_server() -> None:
    policies = [each["spec"] for each in OBJECTS if each["kind"] == "NetworkPolicy"]
    callers = [
        peer["podSelector"]["matchLabels"]
        for policy in policies
        for rule in policy.get("ingress", [])
        for peer in rule["from"]
    ]
    assert callers == [{"rfm-platform/role": "run"}, {"rfm-platform/role": "spark"}]
    assert WORKER["metadata"]["labels"]["rfm-platform/role"] == "spark"
    assert POD["metadata"]["labels"]["rfm-platform/role"] == "spark"


def test_workers_have_no_right_in_the_cluster() -> None:
    bindings = [each for each in OBJECTS if each["kind"] == "RoleBinding"]
    bound = {subject["name"] for each in bindings for subject in each["subjects"]}
    assert bound == {POD["spec"]["serviceAccountName"]} == {"rfm-spark"}
    assert ENVIRONMENT["SAIL_KUBERNETES__WORKER_SERVICE_ACCOUNT_NAME"] == "rfm-spark-worker"


def test_every_setting_of_the_server_is_one_that_it_knows() -> None:
    """A setting that Sail does not know would be left out in silence."""
    (library,) = Path(pysail.__file__).parent.glob("*.so")
    known = set(re.findall(rb"- key: ([a-z0-9_.]+)", library.read_bytes()))
    for name in ENVIRONMENT:
        key = name.removeprefix("SAIL_").lower().replace("__", ".")
        assert key.encode() in known, name


def _installed() -> str:
    """What the image installs: lines of the lock file, found by the image's own command."""
    dockerfile = (ROOT / "deploy" / "spark.Dockerfile").read_text("utf-8")
    command = re.search(r'python3 -c "(.*?)" > sail.lock', dockerfile)
    assert command is not None
    script = f'"{sys.executable}" -c "{command[1]}"'
    return subprocess.run(
        ["sh", "-c", script], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_the_image_installs_the_releases_that_the_tests_ran_against() -> None:
    found = _installed()
    releases = dict(re.findall(r"^([\w-]+)==([\d.]+) ", found, re.MULTILINE))
    assert releases == {name: version(name) for name in ("pysail", "pyspark-client")}
    assert found.count("--hash=sha256:") >= len(releases)
    assert SAIL["image"].endswith(f":{releases['pysail']}")
    assert ENVIRONMENT["SAIL_KUBERNETES__IMAGE"] == SAIL["image"]


def test_what_the_image_installs_serves_the_platforms_client(tmp_path: Path) -> None:
    """Sail answers as the release of Spark whose client it finds beside it; alone as an older one,
    which lacks settings that ours asks for."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in re.findall(r"^([\w-]+)==", _installed(), re.MULTILINE):
        for file in {file.parts[0] for file in distribution(name).files or [] if file.parts}:
            if not file.startswith(".."):
                (packages / file).symlink_to(Path(sysconfig.get_path("purelib")) / file)
    port = free_port()
    serve = f"import sys; sys.path[:0] = [{str(packages)!r}]; from pysail.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", serve, "spark", "server", "--port", str(port)],
        env=os.environ | {"RUST_LOG": "warn"},
    )
    try:

        def listens() -> bool:
            assert process.poll() is None, "Sail has ended"
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True

        wait_until(listens, "Sail listens")
        with SparkEngine(tmp_path, f"sc://127.0.0.1:{port}").session() as session:
            session.create("numbers", [sa.Column("number", sa.BigInteger)], [(7,)])
            assert session.rows("SELECT number FROM numbers") == [(7,)]
    finally:
        process.kill()
        process.wait()


# A name space of processes of its own, as a container has one: root may make it, others only where
# the kernel lets them have one of users.
AS_FIRST = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


def _can_be_first() -> bool:
    try:
        return subprocess.run([*AS_FIRST, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not _can_be_first(), reason="NO NAME SPACES here: Sail's end was not tried")
def test_as_the_first_process_the_server_ends_by_the_images_signal() -> None:
    """Others than the first end by any signal that they do not handle; it ignores those."""
    dockerfile = (ROOT / "deploy" / "spark.Dockerfile").read_text("utf-8")
    (name,) = re.findall(r"^STOPSIGNAL (SIG[A-Z]+)$", dockerfile, re.MULTILINE)
    sail = Path(sys.executable).with_name("sail")
    command = [str(sail), "spark", "server", "--ip", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(
        [*AS_FIRST, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"RUST_LOG": "info"},
    )
    try:
        assert process.stdout is not None
        assert any(b"Starting the Spark Connect server" in line for line in process.stdout)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
        for _ in range(20):  # the first may come before it listens for signals
            os.kill(int(children), signal.Signals[name])
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        assert process.returncode is not None
    finally:
        process.kill()
        process.wait()
