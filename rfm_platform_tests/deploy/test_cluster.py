"""Rung 4: Dagster's chart in a real cluster, killed; `make test-cluster IMAGE=…`, a KUBECONFIG.

In a namespace of its own that is removed at the end. What the cluster does not have (an autoscaler
without metrics, a second node) is said in the table and not asked for. `RFM_STORAGE_CLASS` names
a class with shared volumes; without it the default class serves a cluster of one node.
"""

import json
import os
from pathlib import Path

import kubernetes_validate
import pytest

from rfm_platform_tests.deploy.charts import pod_templates, render
from rfm_platform_tests.deploy.cluster import postgres, secrets, values_for
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.installed import (
    CODE,
    DAEMON,
    VIEWERS,
    command_pod,
    install,
    launch,
    verified,
)
from rfm_platform_tests.deploy.kubectl import Cluster, wait_until
from rfm_platform_tests.deploy.policies import not_restricted
from rfm_platform_tests.deploy.trials import network_policies, scaled, upgraded

IMAGE = os.environ.get("RFM_IMAGE", "registry.example.com/rfm_platform:0.1.0")
STORAGE_CLASS = os.environ.get("RFM_STORAGE_CLASS")


@pytest.mark.parametrize("storage_class", [None, "shared"])
def test_what_would_be_installed_is_valid(dagster_chart: Path, storage_class: str | None) -> None:
    """As far as it goes without a cluster: rung 4's own manifests and values, rendered."""
    manifests = [
        *render(dagster_chart, "dagster", values_for(IMAGE, storage_class)),
        *postgres(IMAGE),
        *secrets(),
        command_pod(IMAGE),
    ]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.25", strict=True)
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    assert not {n: w for n, t in pod_templates(manifests).items() if (w := not_restricted(t))}


def test_the_chart_in_a_cluster_heals(cluster: Cluster, dagster_release: Release) -> None:
    values = values_for(IMAGE, STORAGE_CLASS, cluster.namespace)
    seconds = install(cluster, dagster_release, IMAGE, values)
    took = {"installed, all pods ready": f"{seconds:.0f} s"}
    took["network policies"] = network_policies(cluster, IMAGE)

    with launch(cluster) as status:
        wait_until(lambda: status() == "STARTED", "the run starts")
        cluster.kill("rfm-platform/role=run")
        seconds = wait_until(lambda: status() == "SUCCESS", "the run succeeds")
        took["run pod killed, run succeeded"] = f"{seconds:.0f} s"
    took["`rfm verify` in the pod for commands"] = f"{verified(cluster, IMAGE):.0f} s"

    for what, selector, replicas in (
        ("daemon's pod deleted", DAEMON, 1),
        ("code server's pod deleted", CODE, 1),
        ("read-only web servers' pods deleted", VIEWERS, 2),
    ):
        cluster.kill(selector)
        seconds = cluster.wait_ready(selector, replicas, what)
        took[f"{what}, ready"] = f"{seconds:.0f} s"

    # A liveness probe that finds nobody: the new pod's container is restarted, again and again,
    # and the old pods go on answering only as long as their own probe does.
    where = "/spec/template/spec/containers/0/livenessProbe/httpGet/port"
    for port, reached in (
        (1, lambda: cluster.restarts(VIEWERS) > 0),
        (3000, lambda: cluster.ready(VIEWERS) >= 2 and cluster.restarts(VIEWERS) == 0),
    ):
        patch = json.dumps([{"op": "replace", "path": where, "value": port}])
        cluster.ctl(
            "patch", "deployment", "dagster-webserver-read-only", "--type=json", "-p", patch
        )
        seconds = wait_until(reached, f"liveness probe on port {port}")
        took[f"liveness probe on port {port}"] = f"{seconds:.0f} s"

    took["autoscaler"] = scaled(cluster)

    # Restarts every web server.
    values["dagsterWebserver"]["annotations"] = {"rfm-platform/restarted": "once"}
    took["upgrade"] = upgraded(cluster, IMAGE, lambda: dagster_release.upgrade(values))
    print("\n" + "\n".join(f"{what:45} {result}" for what, result in took.items()))
    assert took["upgrade"].startswith("0 of")
