"""Rung 4: Dagster's chart in a real cluster, killed; `make test-cluster IMAGE=…`, a KUBECONFIG.

In a namespace of its own that is removed at the end. What the cluster does not have (an autoscaler
without metrics, a second node) is said in the table and not asked for. `RFM_STORAGE_CLASS` names
a class with shared volumes; without it the default class serves a cluster of one node.
"""

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from rfm_platform.partitions import LateChanges
from rfm_platform_tests.deploy.charts import pod_templates, render
from rfm_platform_tests.deploy.cluster import DAY, POSTGRES, postgres, secrets, url, values_for
from rfm_platform_tests.deploy.kubectl import TIMEOUT_SECONDS, Cluster, wait_until
from rfm_platform_tests.deploy.policies import not_restricted
from rfm_platform_tests.deploy.test_processes import LAUNCH, RUNS

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


def test_the_chart_in_a_cluster_heals(cluster: Cluster, dagster_chart: Path) -> None:
    import helm_python as helm  # noqa: PLC0415 - not on every platform

    values = values_for(IMAGE, os.environ.get("RFM_STORAGE_CLASS"))
    # Its class is the cluster's, not the namespace's: another test's must not be in the way.
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
    with helm.Config(namespace=cluster.namespace) as release:
        began = time.monotonic()
        release.install(str(dagster_chart), "dagster", values, timeout=TIMEOUT_SECONDS)
        web, viewers = "component=dagster-webserver", "component=dagster-webserver-read-only"
        code, daemon = "component=user-deployments", "component=dagster-daemon"
        for selector, replicas in ((web, 2), (viewers, 2), (code, 1), (daemon, 1)):
            cluster.wait_ready(selector, replicas, selector)
        took["installed, all pods ready"] = f"{time.monotonic() - began:.0f} s"

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
            run = "rfm-platform/role=run"
            wait_until(lambda: _runs(address)[0]["status"] == "STARTED", "the run starts")
            cluster.kill(run)
            seconds = wait_until(
                lambda: _runs(address)[0]["status"] == "SUCCESS", "the run succeeds"
            )
            took["run pod killed, run succeeded"] = f"{seconds:.0f} s"

        for what, selector, replicas in (
            ("daemon's pod deleted", daemon, 1),
            ("code server's pod deleted", code, 1),
            ("read-only web servers' pods deleted", viewers, 2),
        ):
            cluster.kill(selector)
            seconds = cluster.wait_ready(selector, replicas, what)
            took[f"{what}, ready"] = f"{seconds:.0f} s"

        # A liveness probe that finds nobody: the new pod's container is restarted, again and again,
        # and the old pods go on answering only as long as their own probe does.
        where = "/spec/template/spec/containers/0/livenessProbe/httpGet/port"
        for port, reached in (
            (1, lambda: cluster.restarts(viewers) > 0),
            (3000, lambda: cluster.ready(viewers) == 2 and cluster.restarts(viewers) == 0),
        ):
            patch = json.dumps([{"op": "replace", "path": where, "value": port}])
            cluster.ctl(
                "patch", "deployment", "dagster-webserver-read-only", "--type=json", "-p", patch
            )
            seconds = wait_until(reached, f"liveness probe on port {port}")
            took[f"liveness probe on port {port}"] = f"{seconds:.0f} s"

        if cluster.has("metrics.k8s.io/v1beta1"):
            took["autoscaler"] = _scaled(cluster, viewers)
        else:
            took["autoscaler"] = "not shown: no metrics-server"

        took["upgrade"] = _upgraded(cluster, release, dagster_chart, values, viewers)
        release.uninstall("dagster")
    print("\n" + "\n".join(f"{what:45} {result}" for what, result in took.items()))
    assert took["upgrade"].startswith("0 of")


def _scaled(cluster: Cluster, viewers: str) -> str:
    """Asks much of the read-only web servers until their number grows."""
    load = (
        "import threading, urllib.request as u\n"
        "def f():\n while True:\n  try: u.urlopen('http://127.0.0.1:3000/server_info').read()\n"
        "  except OSError: pass\n"
        "[threading.Thread(target=f).start() for _ in range(8)]"
    )
    pods = [pod["metadata"]["name"] for pod in cluster.pods(viewers)]
    loads = [
        subprocess.Popen(
            ["kubectl", "-n", cluster.namespace, "exec", pod, "--", "python", "-c", load],
            stdout=subprocess.DEVNULL,
        )
        for pod in pods
    ]
    try:
        seconds = wait_until(lambda: len(cluster.pods(viewers)) > len(pods), "the autoscaler")
        return f"more than {len(pods)} pods after {seconds:.0f} s"
    finally:
        for each in loads:
            each.kill()
            each.wait()


def _upgraded(
    cluster: Cluster, release: Any, chart: Path, values: dict[str, Any], viewers: str
) -> str:
    """Changes what restarts every web server, and asks the service from inside meanwhile."""
    watch = (
        "import time, urllib.request as u; n = bad = 0; end = time.time() + 120\n"
        "while time.time() < end:\n n += 1\n"
        " try: u.urlopen('http://dagster-webserver-read-only:3000/server_info', timeout=5).read()\n"
        " except OSError: bad += 1\n time.sleep(.1)\nprint(bad, n)"
    )
    watcher = "rfm-test-watcher"
    template = postgres(IMAGE)[0]["spec"]["template"]["spec"]
    container = template["containers"][0] | {"name": "watcher", "command": ["python", "-c", watch]}
    container.pop("readinessProbe")
    container.pop("ports")
    open_to_it = {"podSelector": {"matchLabels": {"app": watcher}}}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": watcher, "labels": {"app": watcher}},
                "spec": template | {"restartPolicy": "Never", "containers": [container]},
            },
            policy
            | {
                "metadata": {"name": watcher},
                "spec": {**open_to_it, "policyTypes": ["Egress"], "egress": [{}]},
            },
            policy
            | {
                "metadata": {"name": f"{watcher}-in"},
                "spec": {
                    "podSelector": {"matchLabels": {"component": "dagster-webserver-read-only"}},
                    "policyTypes": ["Ingress"],
                    "ingress": [{"from": [open_to_it]}],
                },
            },
        ]
    )
    wait_until(
        lambda: cluster.pods(f"app={watcher}")[0]["status"]["phase"] == "Running", "the watcher"
    )
    values["dagsterWebserver"]["annotations"] = {"rfm-platform/restarted": "once"}
    release.upgrade(str(chart), "dagster", values, timeout=TIMEOUT_SECONDS)
    wait_until(
        lambda: cluster.pods(f"app={watcher}")[0]["status"]["phase"] == "Succeeded", "the watcher"
    )
    bad, asked = cluster.ctl("logs", watcher).split()
    return f"{bad} of {asked} requests failed"
