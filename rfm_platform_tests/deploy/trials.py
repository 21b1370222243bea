"""What rung 4 asks of an installed chart: to scale, to upgrade unnoticed, to keep doors shut."""

import subprocess
from collections.abc import Callable
from typing import Any

from rfm_platform_tests.deploy.charts import Manifest
from rfm_platform_tests.deploy.cluster import POSTGRES, network_policy, visitor
from rfm_platform_tests.deploy.installed import DAEMON, VIEWERS
from rfm_platform_tests.deploy.kubectl import Cluster, wait_until

SHUT_IN = "rfm-test-shut-in"
OUTSIDER = "rfm-test-outsider"
WATCHER = "rfm-test-watcher"
ANYWHERE: list[Manifest] = [{}]
# Who may not reach what. Everybody may reach PostgreSQL whom nothing keeps in.
CLOSED = (
    (f"app={OUTSIDER}", "dagster-webserver", 3000),
    (f"app={OUTSIDER}", "dagster-webserver-read-only", 3000),
    (f"app={OUTSIDER}", "rfm-platform", 3030),
    (f"app={POSTGRES}", "dagster-webserver", 3000),
    (VIEWERS, "dagster-webserver", 3000),
    (VIEWERS, "kubernetes.default", 443),
)
OPEN = (
    (f"app={OUTSIDER}", POSTGRES, 5432),
    (VIEWERS, "rfm-platform", 3030),
    (VIEWERS, POSTGRES, 5432),
    (DAEMON, "kubernetes.default", 443),
)


def _reaches(cluster: Cluster, selector: str, host: str, port: int) -> bool:
    """Whether a pod gets a connection."""
    connect = f"import socket; socket.create_connection(({host!r}, {port}), timeout=5)"
    pod = cluster.pods(selector)[0]["metadata"]["name"]
    return cluster.succeeds("exec", pod, "--", "python", "-c", connect)


def network_policies(cluster: Cluster, image: str) -> str:
    """Tries the network policies from inside; a network that knows none is said to.

    Raises:
        AssertionError: a door that should be shut is open, or the other way round.
    """
    pods = [visitor(name, image, "sleep", "infinity") for name in (SHUT_IN, OUTSIDER)]
    cluster.apply(
        [
            *pods,
            network_policy(SHUT_IN, {"app": SHUT_IN}, egress=[]),
            network_policy(OUTSIDER, {"app": OUTSIDER}, egress=ANYWHERE),
        ]
    )
    for name in (SHUT_IN, OUTSIDER):
        cluster.wait_ready(f"app={name}", 1, name)
    if _reaches(cluster, f"app={SHUT_IN}", POSTGRES, 5432):
        return "not shown: this network enforces none"
    wrong = [way for way in CLOSED if _reaches(cluster, *way)]
    wrong += [way for way in OPEN if not _reaches(cluster, *way)]
    assert not wrong, f"open or shut against the policies: {wrong}"
    return f"enforced: {len(CLOSED)} ways shut, {len(OPEN)} open"


def scaled(cluster: Cluster) -> str:
    """Asks much of the read-only web servers until their number grows."""
    if not cluster.has("metrics.k8s.io/v1beta1"):
        return "not shown: no metrics-server"
    load = (
        "import threading, urllib.request as u\n"
        "def f():\n while True:\n  try: u.urlopen('http://127.0.0.1:3000/server_info').read()\n"
        "  except OSError: pass\n"
        "[threading.Thread(target=f).start() for _ in range(8)]"
    )
    pods = [pod["metadata"]["name"] for pod in cluster.pods(VIEWERS)]
    loads = [
        subprocess.Popen(
            ["kubectl", "-n", cluster.namespace, "exec", pod, "--", "python", "-c", load],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for pod in pods
    ]
    try:
        seconds = wait_until(lambda: len(cluster.pods(VIEWERS)) > len(pods), "the autoscaler")
        return f"more than {len(pods)} pods after {seconds:.0f} s"
    finally:
        for each in loads:
            each.kill()
            each.wait()


def upgraded(cluster: Cluster, image: str, upgrade: Callable[[], Any]) -> str:
    """Asks the read-only web servers from inside while an upgrade replaces them.

    Ten times a second for two minutes, in a pod: through a port forwarded to here one server alone
    would be asked.
    """
    watch = (
        "import time, urllib.request as u; n = bad = 0; end = time.time() + 120\n"
        "while time.time() < end:\n n += 1\n"
        " try: u.urlopen('http://dagster-webserver-read-only:3000/server_info', timeout=5).read()\n"
        " except OSError: bad += 1\n time.sleep(.1)\nprint(bad, n)"
    )
    let_in = [{"from": [{"podSelector": {"matchLabels": {"app": WATCHER}}}]}]
    viewers = dict([VIEWERS.split("=")])
    cluster.apply(
        [
            network_policy(WATCHER, {"app": WATCHER}, egress=ANYWHERE),
            network_policy(f"{WATCHER}-in", viewers, ingress=let_in),
            visitor(WATCHER, image, "python", "-c", watch),
        ]
    )

    def phase() -> str:
        found: str = cluster.pods(f"app={WATCHER}")[0]["status"]["phase"]
        return found

    wait_until(lambda: phase() == "Running", "the watcher")
    upgrade()
    wait_until(lambda: phase() == "Succeeded", "the watcher")
    bad, asked = cluster.ctl("logs", WATCHER).split()
    return f"{bad} of {asked} requests failed"
