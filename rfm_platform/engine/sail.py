"""A Spark Connect server without a JVM, in this process: Sail, on a loopback port of its own.

For whoever asks for Spark and names no server. It lives as long as the process, because starting it
costs more than a small session does. Loopback is all that protects it: whoever may run programs on
this machine could talk to it, so a machine that others use needs a server of its own.
"""

import os
import threading
from typing import Any

_lock = threading.Lock()
_servers: list[Any] = []


def embedded_remote() -> str:
    """The address of this process's server, `sc://127.0.0.1:<port>`; started when first asked for.

    Raises:
        ImportError: pysail is not installed.
    """
    from pysail.spark import SparkConnectServer  # noqa: PLC0415 - an extra of the installation

    with _lock:
        if not _servers:
            os.environ.setdefault("RUST_LOG", "error")  # it tells of each session otherwise
            server = SparkConnectServer("127.0.0.1", 0)
            server.start(background=True)
            _servers.append(server)
        host, port = _servers[0].listening_address
    return f"sc://{host}:{port}"
