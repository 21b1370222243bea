"""DuckDB instances that are used again: starting one costs five times what a small session does.

A session has an instance to itself, with its memory and its directory to spill into. One that
came to its end well and has not spilled is kept for the next session of the same kind; any other
is closed, so that nothing of an error or of a full disk reaches the next one.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

_SCRATCH = "scratch"
_lock = threading.Lock()
_idle: dict[tuple[int, int | None], duckdb.DuckDBPyConnection] = {}


@contextmanager
def scratch_database(
    memory_limit: int, threads: int | None, spill: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that is empty at the beginning of the block and gone at its end.

    Args:
        memory_limit: bytes.
        threads: None for all cores.
        spill: directory that DuckDB makes when it spills, and only then.
    """
    kind = (memory_limit, threads)
    with _lock:
        instance = _idle.pop(kind, None)
    if instance is None:
        instance = _start(memory_limit, threads)
    try:
        directory = str(spill).replace("'", "''")
        instance.execute(f"SET temp_directory = '{directory}'")
        with instance.cursor() as connection:
            connection.execute(f"ATTACH ':memory:' AS {_SCRATCH}")
            use_scratch(connection)
            yield connection
        instance.execute(f"DETACH {_SCRATCH}")
    except BaseException:
        instance.close()
        raise
    # A directory that was spilled into cannot be exchanged for the next session's.
    if spill.exists() or not _keep(kind, instance):
        instance.close()


def use_scratch(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets a connection to a session's instance name the session's tables as the session does."""
    connection.execute(f"USE {_SCRATCH}")


def _keep(kind: tuple[int, int | None], instance: duckdb.DuckDBPyConnection) -> bool:
    """Keeps an instance, unless another of its kind waits already."""
    with _lock:
        return _idle.setdefault(kind, instance) is instance


def _start(memory_limit: int, threads: int | None) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "memory_limit": f"{memory_limit}B",
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
        # Without: DuckDB 2.0 can wait for itself for ever when a query that is being written fails,
        # under load in every few hundredth run.
        "async_threads": 0,
    }
    if threads is not None:
        config["threads"] = threads
    return duckdb.connect(config=config)
