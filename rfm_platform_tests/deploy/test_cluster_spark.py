"""Rung 4: Sail beside Dagster in a real cluster; `make test-cluster SAIL_IMAGE=…`.

The server of deploy/spark.yaml starts its workers as pods, a day is computed by them on the shared
volume, and none of them is left.
"""

import os
import time
from typing import Any

import kubernetes_validate
import pytest
import yaml

from rfm_platform_tests.deploy.charts import ROOT, Manifest, containers, pod_templates
from rfm_platform_tests.deploy.cluster import values_for
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.installed import install, launch, verified
from rfm_platform_tests.deploy.kubectl import Cluster, wait_until
from rfm_platform_tests.deploy.test_cluster import IMAGE, STORAGE_CLASS

SAIL_IMAGE = os.environ.get("SAIL_IMAGE")
SERVER = "rfm-platform/spark=server"
WORKERS = "rfm-platform/spark=worker"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


def _sail(image: str) -> list[Manifest]:
    """deploy/spark.yaml with the image to be tried and requests that fit a small node."""
    text = (ROOT / "deploy" / "spark.yaml").read_text("utf-8")
    (documented,) = {
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in yaml.safe_load_all(text)
        if each["kind"] == "Deployment"
    }
    for large in ('"requests": {"cpu": "2", "memory": "8Gi"}', 'requests: {cpu: "1", memory: 4Gi}'):
        assert large in text
    text = text.replace(documented, image)
    text = text.replace('"cpu": "2", "memory": "8Gi"', '"cpu": "50m", "memory": "512Mi"')
    return list(yaml.safe_load_all(text.replace('{cpu: "1", memory', "{cpu: 50m, memory")))


def test_what_would_be_installed_is_valid() -> None:
    """As far as it goes without a cluster."""
    image = "registry.example.com:5000/other/sail:1"
    manifests = _sail(image)
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    ((container,),) = [containers(t) for t in pod_templates(manifests).values()]
    given = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert container["image"] == given["SAIL_KUBERNETES__IMAGE"] == image


def test_a_day_is_computed_by_workers_that_the_server_starts(
    cluster: Cluster, dagster_release: Release
) -> None:
    if not SAIL_IMAGE:
        pytest.skip("RUNG 4 DID NOT RUN for Sail: no SAIL_IMAGE")
    values: dict[str, Any] = values_for(IMAGE, STORAGE_CLASS, cluster.namespace)
    for manifest in values["extraManifests"]:
        if manifest["kind"] == "ConfigMap":
            manifest["data"] |= {"RFM_ENGINE": "spark", "RFM_SPARK_REMOTE": "sc://rfm-spark:50051"}
    install(cluster, dagster_release, IMAGE, values)
    cluster.apply(_sail(SAIL_IMAGE))
    cluster.wait_ready(SERVER, 1, "Sail")
    took = {}
    status, seconds, workers = _day(cluster, killed=None)
    assert status == "SUCCESS"
    assert workers
    took["a day computed by Sail"] = f"{seconds:.0f} s, {len(workers)} workers seen"
    seconds = wait_until(lambda: not cluster.pods(WORKERS), "no worker is left")
    took["no worker left"] = f"{seconds:.0f} s"
    for what, killed in (("its workers", WORKERS), ("its server", SERVER)):
        status, seconds, _ = _day(cluster, killed=killed)
        took[f"a day, {what} killed"] = f"{status} after {seconds:.0f} s"
        if status != "SUCCESS":
            cluster.wait_ready(SERVER, 1, "Sail")
            status, seconds, _ = _day(cluster, killed=None)
            took[f"the day again, after {what}"] = f"{status} after {seconds:.0f} s"
        assert status == "SUCCESS"
        took[f"`rfm verify`, after {what}"] = f"{verified(cluster, IMAGE):.0f} s"
    print("\n" + "\n".join(f"{what:45} {result}" for what, result in took.items()))


def _day(cluster: Cluster, *, killed: str | None) -> tuple[str, float, set[str]]:
    """A daily run, in which pods are killed as soon as workers are ready.

    Returns:
        Its status at the end, the seconds from the kill, or from its start, and the workers seen.
    """
    workers: set[str] = set()

    def seen() -> int:
        workers.update(pod["metadata"]["name"] for pod in cluster.pods(WORKERS))
        return cluster.ready(WORKERS)

    with launch(cluster) as status:
        began = time.monotonic()
        if killed is not None:
            wait_until(seen, "workers")
            cluster.kill(killed)
            began = time.monotonic()
        wait_until(lambda: seen() >= 0 and status() in ENDED, "the run ends")
        return status(), time.monotonic() - began, workers
