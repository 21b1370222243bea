"""A way to a server on which connections break: at times answers get lost, at times questions."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import cycle

PIECE = 1 << 16


class Way:
    """Carries bytes both ways, and breaks a connection whenever so many pieces have come back.

    Attributes:
        breaks: how often it did so.
    """

    def __init__(self, to: tuple[str, int], pieces: Sequence[int]) -> None:
        self.breaks = 0
        self._to = to
        self._after = cycle(pieces)
        self._left = next(self._after)
        self._lock = threading.Lock()

    def serve(self, listener: socket.socket) -> None:
        """Until the listener is closed."""
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._to)
                for source, target, comes_back in ((near, far, False), (far, near, True)):
                    threading.Thread(
                        target=self._carry, args=(source, target, comes_back), daemon=True
                    ).start()

    def _carry(self, source: socket.socket, target: socket.socket, comes_back: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                if comes_back and self._breaks():
                    break
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _breaks(self) -> bool:
        with self._lock:
            self._left -= 1
            if self._left > 0:
                return False
            self._left = next(self._after)
            self.breaks += 1
            return True


@contextmanager
def way(to: tuple[str, int], pieces: Sequence[int]) -> Iterator[tuple[Way, int]]:
    """A way to an address, and the port of this machine where it begins."""
    found = Way(to, pieces)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=found.serve, args=(listener,), daemon=True).start()
        yield found, listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
