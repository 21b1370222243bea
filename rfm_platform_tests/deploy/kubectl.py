"""kubectl, in one namespace of a cluster, for rung 4.

Written for old clusters too: nothing here asks for more than Kubernetes 1.20 knows.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rfm_platform_tests.conftest import free_port
from rfm_platform_tests.deploy.charts import Manifest

TIMEOUT_SECONDS = 900


def wait_until(reached: Callable[[], Any], what: str) -> float:
    """Seconds until something is so; what cannot be asked yet is not so yet.

    Raises:
        AssertionError: it takes longer than TIMEOUT_SECONDS.
    """
    began = time.monotonic()
    while True:
        try:
            if reached():
                return time.monotonic() - began
        except (OSError, KeyError, IndexError):
            pass
        assert time.monotonic() - began < TIMEOUT_SECONDS, f"{what}: not within {TIMEOUT_SECONDS} s"
        time.sleep(0.5)


class Cluster:
    """What the tests ask of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def ctl(self, *command: str, given: str | None = None) -> str:
        """The output of a command.

        Raises:
            AssertionError: it failed, with what it said.
        """
        done = self._run(command, given)
        assert done.returncode == 0, f"kubectl {command}\n{done.stderr[-2000:]}"
        return done.stdout

    def succeeds(self, *command: str) -> bool:
        """Whether a command ends well."""
        return self._run(command).returncode == 0

    def _run(
        self, command: Sequence[str], given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "--namespace", self.namespace, *command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def apply(self, manifests: list[Manifest]) -> None:
        """Creates or changes what is described."""
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self.ctl("apply", "-f", "-", given=json.dumps(listed))

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """The pods that a label selector finds."""
        items: list[dict[str, Any]] = json.loads(
            self.ctl("get", "pods", "-l", selector, "-o", "json")
        )["items"]
        return items

    def ready(self, selector: str) -> int:
        """How many of them are ready and not about to go."""
        return sum(
            c["status"] == "True"
            for pod in self.pods(selector)
            for c in pod["status"].get("conditions") or []
            if c["type"] == "Ready" and "deletionTimestamp" not in pod["metadata"]
        )

    def wait_ready(self, selector: str, pods: int, what: str) -> float:
        """Seconds until all are ready and at least so many: an autoscaler may want more."""
        return wait_until(lambda: len(self.pods(selector)) == self.ready(selector) >= pods, what)

    def restarts(self, selector: str) -> int:
        """How often their containers were started again."""
        return sum(
            s["restartCount"]
            for p in self.pods(selector)
            for s in p["status"].get("containerStatuses") or []
        )

    def kill(self, selector: str) -> None:
        """Takes pods away without a word to them."""
        self.ctl("delete", "pods", "-l", selector, "--grace-period=0", "--force")

    def has(self, api: str) -> bool:
        """Whether the cluster serves a group and version."""
        return api in self.ctl("api-versions").split()

    def why_not_pulled(self, selector: str) -> str | None:
        """Why a node cannot have the image of a pod; None as long as nobody said so."""
        for pod in self.pods(selector):
            for status in pod["status"].get("containerStatuses") or []:
                waiting = status["state"].get("waiting") or {}
                reason: str = waiting.get("reason", "")
                if reason in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName"}:
                    return reason
        return None

    @contextmanager
    def forwarded(self, service: str, port: int) -> Iterator[str]:
        """The address of a service on this machine, for the time of a block."""
        own = free_port()
        process = subprocess.Popen(
            [
                *("kubectl", "--namespace", self.namespace, "port-forward"),
                *(f"service/{service}", f"{own}:{port}"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{own}"
        finally:
            process.terminate()
            process.wait()
