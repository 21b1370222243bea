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
    # Not by one call, which gives the second of two errors: that the connection was lost.
    libpq.send_query(statement.encode())
    begun = libpq.get_result()
    if begun is None or begun.status != pq.ExecStatus.COPY_OUT:
        _drain(libpq)
        raise _error(begun)
    try:
        _receive(libpq, write)
    except BaseException:
        _leave(connection)
        raise
    ended = libpq.get_result()
    _drain(libpq)
    if ended is None or ended.status != pq.ExecStatus.COMMAND_OK:
        raise _error(ended)


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


def _error(result: pq.abc.PGresult | None) -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the connection was lost")
    return psycopg.errors.error_from_result(result, encoding="utf-8")


def _drain(libpq: pq.abc.PGconn) -> None:
    while libpq.get_result() is not None:
        pass


def _leave(connection: psycopg.Connection) -> None:
    """Ends a COPY whose rows nobody takes any more, so that the transaction can be rolled back."""
    libpq = connection.pgconn
    with suppress(psycopg.Error):
        connection.cancel_safe()
        while libpq.get_copy_data(0)[0] >= 0:
            pass
    with suppress(psycopg.Error):
        _drain(libpq)
