"""One server and the marts that several tests look at: loading is what takes time here."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.demo import Loaded, completejourney, synthetic
from rfm_platform.postgres.database import Database
from rfm_platform.postgres.embedded import EmbeddedServer

SYNTHETIC_LINES = 200_000

Mart = tuple[Database, Loaded]


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A home with a short path that every account may enter."""
    directory = Path(tempfile.mkdtemp(prefix="rfm-demo-"))
    directory.chmod(0o755)
    server = EmbeddedServer(directory)
    yield directory
    server.stop()
    shutil.rmtree(server.status().socket_directory, ignore_errors=True)
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def database(home: Path) -> Callable[[str], Database]:
    return EmbeddedServer(home).database


@pytest.fixture(scope="session")
def real(database: Callable[[str], Database]) -> Mart:
    mart = database("real")
    return mart, completejourney.load(mart)


@pytest.fixture(scope="session")
def invented(database: Callable[[str], Database]) -> Mart:
    mart = database("invented")
    return mart, synthetic.load(mart, lines=SYNTHETIC_LINES)


def query(mart: Database, text: str) -> list[tuple[Any, ...]]:
    with mart.connect(read_only=True) as connection:
        return connection.execute(text.encode()).fetchall()


def fingerprint(mart: Database) -> str:
    """Of every byte of both tables, in the order in which the rows were written."""
    digest = hashlib.sha256()
    with mart.connect(read_only=True) as connection:
        for table in (b"flatten_order_marketplace", b"order_marketplace"):
            with connection.cursor().copy(b"COPY public." + table + b" TO STDOUT") as copy:
                for block in copy:
                    digest.update(block)
    return digest.hexdigest()
