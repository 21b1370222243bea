"""A Sail server whose workers are processes of their own, as on Kubernetes they are pods.

Sail asks Kubernetes for a pod a worker. Here whoever it asks starts the pod's command on this
machine instead, with the environment that the pod was to have.
"""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from rfm_platform_tests.engine.spark_servers import Server, sail

HEARTBEAT_SECONDS = 1
# After so long a worker that says nothing is given up.
GIVEN_UP_SECONDS = 5


@dataclass(frozen=True)
class Workers:
    """The processes that were started so far."""

    log: Path
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def running(self) -> "list[subprocess.Popen[bytes]]":
        return [process for process in self.processes if process.poll() is None]

    def start(self, pod: dict[str, Any]) -> None:
        """What a node does with a pod, its address being this machine's."""
        (container,) = pod["spec"]["containers"]
        (command,) = container["command"]
        given = {each["name"]: each.get("value", "127.0.0.1") for each in container["env"]}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(Path(sys.executable).with_name(command)), *container["args"]],
                stdout=log,
                stderr=log,
                env=os.environ | given | {"RUST_LOG": "error", "RUST_BACKTRACE": "0"},
            )
        self.processes.append(process)

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def sail_with_workers(work: Path, *, workers: int) -> Iterator[tuple[Server, Workers]]:
    """A server that starts so many workers for a session, more only for those that died."""
    started = Workers(work / "workers.log")
    with _kubernetes(started) as address:
        configuration = work / "kubeconfig"
        configuration.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "here", "cluster": {"server": address}}],
                    "users": [{"name": "nobody", "user": {}}],
                    "contexts": [
                        {
                            "name": "here",
                            "context": {"cluster": "here", "user": "nobody", "namespace": "here"},
                        }
                    ],
                    "current-context": "here",
                }
            )
        )
        cluster = {
            "WORKER_INITIAL_COUNT": workers,
            "WORKER_TASK_SLOTS": 2,
            "WORKER_HEARTBEAT_INTERVAL_SECS": HEARTBEAT_SECONDS,
            "WORKER_HEARTBEAT_TIMEOUT_SECS": GIVEN_UP_SECONDS,
        }
        settings = {
            "SAIL_MODE": "kubernetes-cluster",
            "KUBECONFIG": str(configuration),
            **{f"SAIL_CLUSTER__{name}": str(value) for name, value in cluster.items()},
        }
        try:
            with sail(work, settings=settings) as server:
                yield server, started
        finally:
            started.kill()


@contextmanager
def _kubernetes(workers: Workers) -> Iterator[str]:
    """The two things that Sail asks of it; the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            pod = self.rfile.read(int(self.headers["Content-Length"]))
            workers.start(json.loads(pod))
            self._answer(pod)

        def do_DELETE(self) -> None:
            """A session has ended, and its workers were told."""
            self._answer(b'{"kind": "Status", "status": "Success"}')

        def _answer(self, body: bytes) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
