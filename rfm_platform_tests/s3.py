"""A server that speaks S3, on loopback: what a cloud's store is to the platform."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> Iterator[None]:
    """An empty bucket, and the environment that leads to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"
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
    server.stop()
