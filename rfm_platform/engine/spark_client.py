"""The Spark Connect client, made to neither end the process nor talk out of turn."""

import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyspark
from pyspark.logger import PySparkLogger

# Where the program is no file (`python -c`, a worker of a test run), the client takes itself to be
# under test and looks for a whole Spark; it exits if there is none.
if not hasattr(sys.modules["__main__"], "__file__"):
    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))

from pyspark.errors import PySparkException
from pyspark.sql.connect.client.core import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.dataframe import DataFrame

__all__ = [
    "DataFrame",
    "DefaultPolicy",
    "PySparkException",
    "SparkSession",
    "open_session",
    "retry_forgotten",
]

Answer = TypeVar("Answer")

# A server whose machine is gone does not say so: whoever waits for its answer would wait for ever.
# Asked every so often, it is given up after as long again as a stop for garbage may take.
ASKED_SECONDS = 30
GIVEN_UP_SECONDS = 60
CONNECT_SECONDS = 10

# What Sail says of a call that it has finished or never got, or whose end it did not wait for.
_FORGOTTEN = re.compile("operation not found|task context not found|task is being paused")
_TIMES = 4

# It writes each error's query and stack trace, and each call that comes after a session's end: we
# say what is wrong ourselves.
for _name in (
    "SQLQueryContextLogger",
    "DataFrameQueryContextLogger",
    "pyspark.sql.connect.logging",
):
    PySparkLogger.getLogger(_name).setLevel(logging.CRITICAL)


def open_session(remote: str) -> SparkSession:
    """A session of its own on a server, of which it is noticed when it is no longer there.

    Raises:
        Exception: gRPC's or pyspark's: nobody answers, or the address is none.
    """
    options = [
        ("grpc.keepalive_time_ms", ASKED_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", GIVEN_UP_SECONDS * 1000),
        ("grpc.http2.ping_timeout_ms", GIVEN_UP_SECONDS * 1000),
        # However long a query takes.
        ("grpc.http2.max_pings_without_data", 0),
        # So long may a new connection take until the server speaks.
        ("grpc.min_reconnect_backoff_ms", CONNECT_SECONDS * 1000),
    ]
    return SparkSession.builder.channelBuilder(DefaultChannelBuilder(remote, options)).create()


def retry_forgotten(call: Callable[[], Answer]) -> Answer:
    """What a call of a server gives, also where the connection broke before the answer had come.

    The client then takes the call up again where it was. Sail knows only those that it is still
    computing, so one that it has forgotten is made anew.

    Args:
        call: does no harm when it is done again, also where the first time went to its end.

    Raises:
        PySparkException: the server does not want it, or the connection broke again and again.
    """
    for _ in range(_TIMES - 1):
        try:
            return call()
        except PySparkException as error:
            if not _FORGOTTEN.search(str(error)):
                raise
    return call()
