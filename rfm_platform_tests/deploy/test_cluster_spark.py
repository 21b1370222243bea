"""Rung 4: Sail beside Dagster in a real cluster; `make test-cluster SAIL_IMAGE=…`.

The server of deploy/spark.yaml starts its workers as pods, a day is computed by them on the shared
volume, and none of them is left.
"""

import os
from typing import Any

import kubernetes_validate
import pytest
import yaml

from rfm_platform_tests.deploy.charts import ROOT, Manifest, containers, pod_templates
from rfm_platform_tests.deploy.cluster import values_for
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.installed import install, launch
from rfm_platform_tests.deploy.kubectl import Cluster, wait_until
from rfm_platform_tests.deploy.test_cluster import IMAGE, STORAGE_CLASS

SAIL_IMAGE = os.environ.get("SAIL_IMAGE")
SERVER = "rfm-platform/spark=server"
WORKERS = "rfm-platform/spark=worker"


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
    workers: set[str] = set()

    def ended(status: str) -> bool:
        workers.update(pod["metadata"]["name"] for pod in cluster.pods(WORKERS))
        assert status not in {"FAILURE", "CANCELED"}, status
        return status == "SUCCESS"

    with launch(cluster) as status:
        seconds = wait_until(lambda: ended(status()), "the run succeeds")
    assert workers
    wait_until(lambda: not cluster.pods(WORKERS), "no worker is left")
    print(f"\n{'a day computed by Sail':45} {seconds:.0f} s, {len(workers)} workers seen")
