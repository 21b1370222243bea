"""Rung 4: Redash's chart in a real cluster: prepared, answering, killed, removed.

Over an empty database, which the chart's hook fills; the documented upgrade of a schema runs behind
it. A restored database is not part of it: what the move does is tested where it lies.
"""

import http.client
import os
import subprocess
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest

from rfm_platform_tests.deploy.charts import (
    Manifest,
    containers,
    of_kind,
    pod_templates,
    render,
)
from rfm_platform_tests.deploy.cluster import POSTGRES, postgres, secret
from rfm_platform_tests.deploy.cluster_redash import (
    DATABASE,
    QUEUE,
    images,
    probe,
    redis,
    texts,
    upgrade_command,
    upgrade_pod,
    values_for,
)
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.kubectl import TIMEOUT_SECONDS, Cluster, wait_until
from rfm_platform_tests.deploy.policies import (
    literal_secrets,
    not_restricted,
    selects,
)

IMAGE = os.environ.get("RFM_IMAGE", "registry.example.com/rfm_platform:0.1.0")
OTHER = "registry.example.com:5000/bi/redash:25.8.0"
RELEASE = "app.kubernetes.io/instance=redash"
PART = "app.kubernetes.io/component="
SERVER = f"{PART}server"
WORKERS = f"{PART}adhocworker"
PODS = {"server": 2, "adhocworker": 2, "scheduledworker": 1, "genericworker": 1, "scheduler": 1}


def _before_the_chart(redis_image: str) -> list[Manifest]:
    return [secret("redash", texts()), *postgres(IMAGE, [DATABASE]), *redis(redis_image)]


@pytest.mark.parametrize("version", ["1.25", "1.37"])
def test_what_would_be_installed_is_valid(redash_chart: Path, version: str) -> None:
    """As far as it goes without a cluster."""
    image, redis_image = images()
    manifests = [
        *render(redash_chart, "redash", values_for(image)),
        *_before_the_chart(redis_image),
        probe(image, "redash"),
        upgrade_pod(upgrade_command("rfm", image)),
    ]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)
    # The chart brings a pod for `helm test` along, which nobody installs.
    templates = pod_templates(manifests) | {
        name: pod
        for name, pod in of_kind(manifests, "Pod").items()
        if "helm.sh/hook" not in (pod["metadata"].get("annotations") or {})
    }
    assert not {n: w for n, t in templates.items() if (w := not_restricted(t))}


def test_every_pod_is_of_the_image_that_is_to_be_tried(redash_chart: Path) -> None:
    """A registry with a port, as a cluster on one machine has it."""
    templates = pod_templates(render(redash_chart, "redash", values_for(OTHER)))
    assert {c["image"] for t in templates.values() for c in containers(t)} == {OTHER}


def test_the_pods_that_are_waited_for_are_the_charts(redash_chart: Path) -> None:
    deployments = of_kind(render(redash_chart, "redash", values_for(OTHER)), "Deployment")
    found = {
        d["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: d["spec"][
            "replicas"
        ]
        for d in deployments.values()
    }
    assert found == PODS
    for deployment in deployments.values():
        assert "app.kubernetes.io/instance" in deployment["spec"]["template"]["metadata"]["labels"]


def test_the_documented_upgrade_is_a_pod_like_the_charts(
    redash: list[Manifest], dagster: list[Manifest]
) -> None:
    """It reads the Secret that the servers read, and is let out before Redash's policy is there."""
    hook = pod_templates(redash)["redash-migrations"]
    documented = {c["image"] for c in containers(hook)}
    command = upgrade_command("rfm", *documented)
    pod = upgrade_pod(command)
    assert not literal_secrets(pod)
    let_out = {
        port["port"]
        for policy in of_kind(dagster, "NetworkPolicy").values()
        if selects(policy["spec"]["podSelector"], pod["metadata"]["labels"])
        for rule in policy["spec"].get("egress") or []
        for port in rule["ports"]
    }
    assert let_out == {53, 5432, 6379, 6380}
    (container,) = containers(pod)
    assert f"--image={container['image']}" in command
    (charts,) = containers(hook)
    given = {v["name"]: v["valueFrom"] for v in charts["env"] if "valueFrom" in v}
    for variable in container["env"]:
        assert given[variable["name"]] == variable["valueFrom"], variable["name"]
    assert container["resources"] == charts["resources"]


def _missing(cluster: Cluster) -> str | None:
    """Which image the cluster cannot have, and what it says."""
    for name, image in zip(("redash", "redis"), images(), strict=True):
        cluster.apply([probe(image, name)])
        pod = probe(image, name)["metadata"]["labels"]
        selector = f"app={pod['app']}"

        def known(selector: str = selector) -> bool:
            (found,) = cluster.pods(selector)
            phase = found["status"]["phase"]
            return phase in {"Succeeded", "Failed"} or bool(cluster.why_not_pulled(selector))

        wait_until(known, f"the image {image} is pulled or refused")
        reason = cluster.why_not_pulled(selector)
        if reason:
            return f"{image}: {reason}"
    return None


def _status(address: str, path: str) -> int:
    """The status that a proxy with TLS in front would get."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("GET", path, headers={"X-Forwarded-Proto": "https"})
    return connection.getresponse().status


def test_redash_in_a_cluster_answers_and_heals(cluster: Cluster, redash_chart: Path) -> None:
    missing = _missing(cluster)
    if missing:
        print(f"\n{'Redash':45} not shown: {missing}")
        pytest.skip(f"RUNG 4 DID NOT RUN for Redash: {missing}. REDASH_IMAGE and REDIS_IMAGE")
    image, redis_image = images()
    values = values_for(image)
    cluster.apply(_before_the_chart(redis_image))
    for name in (POSTGRES, QUEUE):
        cluster.wait_ready(f"app={name}", 1, name)
    took: dict[str, str] = {}
    began = time.monotonic()
    release = Release("redash", redash_chart, cluster.namespace)
    # Waits for its hook, `create_db`.
    release.upgrade(values)
    for component, replicas in PODS.items():
        cluster.wait_ready(PART + component, replicas, component)
    took["Redash installed, all pods ready"] = f"{time.monotonic() - began:.0f} s"

    began = time.monotonic()
    subprocess.run(upgrade_command(cluster.namespace, image), check=True, timeout=TIMEOUT_SECONDS)
    took["its schema upgraded"] = f"{time.monotonic() - began:.0f} s"
    cluster.ctl(
        *("exec", "deployment/redash", "--", "/app/bin/docker-entrypoint", "manage", "users"),
        *("create_root", "root@example.com", "root", "--password", "of-the-test"),
    )
    for template in pod_templates(render(redash_chart, "redash", values)).values():
        probed = containers(template)[0].get("livenessProbe") or {}
        if "exec" in probed:
            # By its pod: the chart's Deployments of workers select each other's.
            component = template["metadata"]["labels"]["app.kubernetes.io/component"]
            name = cluster.pods(PART + component)[0]["metadata"]["name"]
            command = ("exec", name, "--", *probed["exec"]["command"])
            # Ready is before registered with the queue.
            wait_until(partial(cluster.succeeds, *command), f"{component} lives")
    with cluster.forwarded("redash", 80) as address:
        wait_until(lambda: _status(address, "/ping") == 200, "/ping")
        wait_until(lambda: _status(address, "/login") == 200, "the login page")
    took["/ping, login page, workers' liveness"] = "answered"

    victim = cluster.pods(SERVER)[0]["metadata"]["name"]
    cluster.ctl("delete", "pod", victim, "--grace-period=0", "--force")
    seconds = cluster.wait_ready(SERVER, 2, "the server's pod")
    took["one of Redash's servers deleted, ready"] = f"{seconds:.0f} s"
    cluster.kill(WORKERS)
    seconds = cluster.wait_ready(WORKERS, 2, "the workers' pods")
    took["Redash's workers deleted, ready"] = f"{seconds:.0f} s"

    release.uninstall()
    seconds = wait_until(lambda: not cluster.pods(RELEASE), "nothing is left")
    took["Redash uninstalled, no pod left"] = f"{seconds:.0f} s"
    print("\n" + "\n".join(f"{what:45} {result}" for what, result in took.items()))
