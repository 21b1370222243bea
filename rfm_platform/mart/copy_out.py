"""COPY to this process by libpq itself: psycopg's own loop costs three times as much a row."""

from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import pq

BUFFER_BYTES = 1 << 18


def copy_out(
    connection: psycopg.Connection, statement: str, write: Callable[[bytes], object]
) -> None:
    """Hands to `write` what a COPY … TO STDOUT gives, in pieces of some hundred kilobytes.

    Args:
        connection: in a transaction, nobody else's meanwhile.
        statement: values included.
        write: called in this thread.

    Raises:
        psycopg.Error: as the server says, also in the middle of the rows.
    """
    libpq = connection.pgconn
    _check(libpq.exec_(statement.encode()), pq.ExecStatus.COPY_OUT)
    try:
        _receive(libpq, write)
    except BaseException:
        _leave(connection)
        raise
    result = libpq.get_result()
    while libpq.get_result() is not None:
        pass
    _check(result, pq.ExecStatus.COMMAND_OK)


def _receive(libpq: pq.abc.PGconn, write: Callable[[bytes], object]) -> None:
    buffer = bytearray()
    while True:
        size, row = libpq.get_copy_data(0)
        if size < 0:
            break
        buffer += row
        if len(buffer) >= BUFFER_BYTES:
            write(bytes(buffer))
            buffer.clear()
    write(bytes(buffer))


def _check(result: pq.abc.PGresult | None, expected: pq.ExecStatus) -> None:
    if result is None:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != expected:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")


def _leave(connection: psycopg.Connection) -> None:
    """Ends a COPY whose rows nobody takes any more, so that the transaction can be rolled back."""
    libpq = connection.pgconn
    with suppress(psycopg.Error):
        connection.cancel_safe()
        while libpq.get_copy_data(0)[0] >= 0:
            pass
    with suppress(psycopg.Error):
        while libpq.get_result() is not None:
            pass
