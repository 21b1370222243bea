"""A server that speaks S3, on loopback: what a cloud's store is to the platform."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
import requests
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Any], Any]


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> Iterator[None]:
    """An empty bucket, and the environment that leads to it."""
    with served(one_put_at_a_time(DomainDispatcherApplication(create_backend_app))) as address:
        for variable, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "rfm",
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(variable, value)
        # Servers of one process share their buckets.
        requests.post(f"{address}/moto-api/reset", timeout=10)
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket=name)
        yield


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
