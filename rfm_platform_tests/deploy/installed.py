"""Dagster's chart in rung 4's namespace, over a small mart, and its daily run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from rfm_platform_tests.deploy.charts import ROOT, Manifest
from rfm_platform_tests.deploy.cluster import DAY, POSTGRES, postgres, run_resources, secrets, url
from rfm_platform_tests.deploy.graphql import launch_daily, runs
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.kubectl import TIMEOUT_SECONDS, Cluster, wait_until

WEB = "component=dagster-webserver"
VIEWERS = "component=dagster-webserver-read-only"
CODE = "component=user-deployments"
DAEMON = "component=dagster-daemon"
FILL = (
    "from rfm_platform.demo import synthetic as s\n"
    "from rfm_platform.demo.mart import create_tables\n"
    "from rfm_platform.postgres import external as e\n"
    f"m = e('mart', {url('mart')!r})\n"
    "with m.connect() as c: create_tables(c)\n"
    "s.load(m, lines=20000, days=1, dirty=False)"
)


def install(cluster: Cluster, release: Release, image: str, values: dict[str, Any]) -> float:
    """Installs the chart beside a filled mart; the seconds until all its pods are ready."""
    cluster.apply([*secrets(), *postgres(image)])
    wait_until(lambda: cluster.ready(f"app={POSTGRES}"), "PostgreSQL")
    cluster.ctl(
        "exec", f"deployment/{POSTGRES}", "--", "python", "-c", FILL.replace(POSTGRES, "127.0.0.1")
    )
    began = time.monotonic()
    release.upgrade(values)
    for selector, replicas in ((WEB, 2), (VIEWERS, 2), (CODE, 1), (DAEMON, 1)):
        cluster.wait_ready(selector, replicas, selector)
    return time.monotonic() - began


@contextmanager
def launch(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Launches the daily run through the full web server; gives a question for its status."""
    with cluster.forwarded("dagster-webserver", 3000) as address:
        wait_until(lambda: runs(address) is not None, "the web server answers")
        launch_daily(address, "rfm-platform", DAY)
        yield lambda: str(runs(address)[0]["status"])


def command_pod(image: str) -> Manifest:
    """deploy/command.yaml with the image to be tried and resources that fit a small node."""
    pod: Manifest = yaml.safe_load((ROOT / "deploy" / "command.yaml").read_text("utf-8"))
    (container,) = pod["spec"]["containers"]
    container |= {"image": image, "resources": run_resources()}
    return pod


def verified(cluster: Cluster, image: str) -> float:
    """Computes everything once more, aside, in the pod for commands; the seconds that took.

    Raises:
        AssertionError: a row is not what the source gives.
    """
    pod = command_pod(image)
    name = pod["metadata"]["name"]
    cluster.apply([pod])
    cluster.ctl("wait", f"pod/{name}", "--for=condition=Ready", f"--timeout={TIMEOUT_SECONDS}s")
    began = time.monotonic()
    cluster.ctl("exec", name, "--", "rfm", "verify")
    seconds = time.monotonic() - began
    cluster.ctl("delete", "pod", name, "--grace-period=1")
    return seconds
