"""Rung 4: Dagster's chart in a real cluster, killed; `make test-cluster IMAGE=…`, a KUBECONFIG.

In a namespace of its own that is removed at the end. What the cluster does not have (an autoscaler
without metrics, a second node) is said in the table and not asked for. `RFM_STORAGE_CLASS` names
a class with shared volumes; without it the default class serves a cluster of one node.
"""

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from rfm_platform.partitions import LateChanges
from rfm_platform_tests.deploy.charts import pod_templates, render
from rfm_platform_tests.deploy.cluster import DAY, POSTGRES, postgres, secrets, url, values_for
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.kubectl import Cluster, wait_until
from rfm_platform_tests.deploy.policies import not_restricted
from rfm_platform_tests.deploy.test_processes import LAUNCH, RUNS
from rfm_platform_tests.deploy.trials import VIEWERS, network, scaled, upgraded

IMAGE = os.environ.get("RFM_IMAGE", "registry.example.com/rfm_platform:0.1.0")
FILL = (
    "from rfm_platform.demo import synthetic as s\n"
    "from rfm_platform.demo.mart import create_tables\n"
    "from rfm_platform.postgres import external as e\n"
    f"m = e('mart', {url('mart')!r})\n"
    "with m.connect() as c: create_tables(c)\n"
    "s.load(m, lines=20000, days=1, dirty=False)"
)


@pytest.mark.parametrize("storage_class", [None, "shared"])
def test_what_would_be_installed_is_valid(dagster_chart: Path, storage_class: str | None) -> None:
    """As far as it goes without a cluster: rung 4's own manifests and values, rendered."""
    manifests = [
        *render(dagster_chart, "dagster", values_for(IMAGE, storage_class)),
        *postgres(IMAGE),
        *secrets(),
    ]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.25", strict=True)
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    assert not {n: w for n, t in pod_templates(manifests).items() if (w := not_restricted(t))}


def _ask(address: str, query: str, **variables: Any) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own
        f"{address}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
        data: dict[str, Any] = json.load(answer)["data"]
        return data


def _runs(address: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = _ask(address, RUNS)["runsOrError"]["results"]
    return results


@pytest.fixture
def release(cluster: Cluster, dagster_chart: Path) -> Iterator[Release]:
    """Of the namespace and gone before it: a class of priority is the cluster's."""
    release = Release("dagster", dagster_chart, cluster.namespace)
    yield release
    release.uninstall()


def test_the_chart_in_a_cluster_heals(cluster: Cluster, release: Release) -> None:
    values = values_for(IMAGE, os.environ.get("RFM_STORAGE_CLASS"))
    # Another test's class must not be in the way.
    name = f"rfm-runs-{cluster.namespace}"
    for manifest in values["extraManifests"]:
        if manifest["kind"] == "PriorityClass":
            manifest["metadata"]["name"] = name
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    launcher["podSpecConfig"]["priorityClassName"] = name
    took: dict[str, str] = {}

    cluster.apply([*secrets(), *postgres(IMAGE)])
    wait_until(lambda: cluster.ready(f"app={POSTGRES}"), "PostgreSQL")
    cluster.ctl(
        "exec", f"deployment/{POSTGRES}", "--", "python", "-c", FILL.replace(POSTGRES, "127.0.0.1")
    )
    began = time.monotonic()
    release.upgrade(values)
    web, code, daemon = (
        f"component={name}" for name in ("dagster-webserver", "user-deployments", "dagster-daemon")
    )
    for selector, replicas in ((web, 2), (VIEWERS, 2), (code, 1), (daemon, 1)):
        cluster.wait_ready(selector, replicas, selector)
    took["installed, all pods ready"] = f"{time.monotonic() - began:.0f} s"
    took["network policies"] = network(cluster, IMAGE)

    with cluster.forwarded("dagster-webserver", 3000) as address:
        wait_until(lambda: _ask(address, RUNS), "the web server answers")
        parameters = {
            "selector": {
                "repositoryLocationName": "rfm-platform",
                "repositoryName": "__repository__",
                "jobName": "daily",
            },
            "runConfigData": json.dumps(LateChanges.WINDOW.config),
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": DAY}]},
        }
        assert "run" in _ask(address, LAUNCH, parameters=parameters)["launchRun"]
        wait_until(lambda: _runs(address)[0]["status"] == "STARTED", "the run starts")
        cluster.kill("rfm-platform/role=run")
        seconds = wait_until(lambda: _runs(address)[0]["status"] == "SUCCESS", "the run succeeds")
        took["run pod killed, run succeeded"] = f"{seconds:.0f} s"

    for what, selector, replicas in (
        ("daemon's pod deleted", daemon, 1),
        ("code server's pod deleted", code, 1),
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
    took["upgrade"] = upgraded(cluster, IMAGE, lambda: release.upgrade(values))
    print("\n" + "\n".join(f"{what:45} {result}" for what, result in took.items()))
    assert took["upgrade"].startswith("0 of")
