"""A server that speaks S3, on loopback: what a cloud's store is to the platform.

In a process of its own: delta-rs sets a table's properties without letting other threads run.
"""

import atexit
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
import requests
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Any], Any]


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> Iterator[None]:
    """An empty bucket, the only one, and the environment that leads to it."""
    address = _server()
    for variable, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "rfm",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(variable, value)
    requests.post(f"{address}/moto-api/reset", timeout=10)
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket=name)
    yield


@cache
def _server() -> str:
    """The address of this process's server, which ends with it."""
    server = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(server.kill)
    assert server.stdout is not None
    return server.stdout.readline().strip()


@contextmanager
def served(application: Application) -> Iterator[str]:
    """An application on a port of loopback; its address."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def one_put_at_a_time(application: Application) -> Application:
    """A put of what must not be there yet is atomic in S3; moto looks first and puts later."""
    lock = threading.Lock()

    def atomic(environ: dict[str, Any], respond: Any) -> Any:
        if "HTTP_IF_NONE_MATCH" not in environ:
            return application(environ, respond)
        with lock:
            return application(environ, respond)

    return atomic


if __name__ == "__main__":
    with served(one_put_at_a_time(DomainDispatcherApplication(create_backend_app))) as place:
        print(place, flush=True)
        sys.stdin.read()  # until whoever started it has gone
