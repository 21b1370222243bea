"""Both ends of a named pipe between DuckDB and a Python function, without a hang or a short read.

DuckDB opens files by name and PostgreSQL's COPY is a Python stream, so a named pipe is where they
meet. Whatever breaks on one side ends the other one, and the error that came first is the one
that the caller sees.
"""

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PIPE_BYTES = 1 << 20
POLL_MILLISECONDS = 50


class _CancelledError(Exception):
    """Tells the feeding thread that nobody reads any more."""


def read_from(
    pipe: Path,
    read: Callable[[str], None],
    produce: Callable[[Callable[[bytes | memoryview], object]], object],
) -> None:
    """Lets `read` read, as a file, what `produce` writes in another thread.

    Raises:
        Whatever broke first: a stream that ends early is an error, never a short file.
    """
    os.mkfifo(pipe, 0o600)
    errors: list[BaseException] = []
    cancelled = threading.Event()

    thread = threading.Thread(target=_feed, args=(pipe, produce, cancelled, errors), daemon=True)
    thread.start()
    try:
        read(str(pipe))
    except BaseException as error:
        errors.append(error)
        cancelled.set()
    # A reader that failed early never opened the pipe: stand in for it until the writer has gone.
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while thread.is_alive():
            _discard(descriptor)
            thread.join(POLL_MILLISECONDS / 1000)
    finally:
        os.close(descriptor)
        pipe.unlink()
    if errors:
        raise errors[0]


def _feed(
    pipe: Path,
    produce: Callable[[Callable[[bytes | memoryview], object]], object],
    cancelled: threading.Event,
    errors: list[BaseException],
) -> None:
    """The writing thread of `read_from`: only the producer's own errors count."""
    with suppress(BrokenPipeError), pipe.open("wb", buffering=PIPE_BYTES) as stream:

        def write(chunk: bytes | memoryview) -> object:
            if cancelled.is_set():
                raise _CancelledError
            try:
                return stream.write(chunk)
            except BrokenPipeError:
                raise _CancelledError from None

        try:
            produce(write)
        except _CancelledError:
            pass
        except BaseException as error:
            errors.append(error)


def write_to(pipe: Path, write: Callable[[str], None], consume: Callable[[bytes], object]) -> None:
    """Hands to `consume` what `write` writes, as a file, in another thread.

    Raises:
        Whatever broke first.
    """
    os.mkfifo(pipe, 0o600)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            write(str(pipe))
        except BaseException as error:
            errors.append(error)

    # Open before the writer starts: its own open then never waits.
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while True:
            # Asked before the pipe is read: what a writer that has ended has written is in there.
            has_ended = not thread.is_alive()
            chunk = _read(descriptor) if poll.poll(POLL_MILLISECONDS) else b""
            if chunk:
                consume(chunk)
            elif has_ended:
                break
            else:
                thread.join(POLL_MILLISECONDS / 1000)
    except BaseException as error:
        errors.insert(0, error)
    finally:
        os.close(descriptor)
        while thread.is_alive():
            thread.join(POLL_MILLISECONDS / 1000)
            # A writer that opens the pipe only now would wait for a reader for ever.
            os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
        pipe.unlink()
    if errors:
        raise errors[0]


def _read(descriptor: int) -> bytes:
    """What is in the pipe now; nothing where its writer has not written yet.

    A writer that opens a file twice (to see whether it is there) makes the pipe look ended between.
    """
    try:
        return os.read(descriptor, PIPE_BYTES)
    except BlockingIOError:
        return b""


def _discard(descriptor: int) -> None:
    while _read(descriptor):
        pass
