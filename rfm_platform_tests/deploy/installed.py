"""Dagster's chart in rung 4's namespace, over a small mart, and its daily run."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rfm_platform.partitions import LateChanges
from rfm_platform_tests.deploy.cluster import DAY, POSTGRES, postgres, secrets, url
from rfm_platform_tests.deploy.helm import Release
from rfm_platform_tests.deploy.kubectl import Cluster, wait_until
from rfm_platform_tests.deploy.test_processes import LAUNCH, RUNS

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


def installed(cluster: Cluster, release: Release, image: str, values: dict[str, Any]) -> float:
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
def launched(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Launches the daily run through the full web server; gives a question for its status."""
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

        def status() -> str:
            found: str = _ask(address, RUNS)["runsOrError"]["results"][0]["status"]
            return found

        yield status


def _ask(address: str, query: str, **variables: Any) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own
        f"{address}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
        data: dict[str, Any] = json.load(answer)["data"]
        return data
