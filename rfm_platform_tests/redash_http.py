"""The outside of a stand-in for Redash: keys, JSON, statuses. What it answers is the caller's."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

API_KEY = "an administrators key"
Asked = dict[str, list[str]]
# Method, words of the path behind /api/, what is asked for, body.
Route = Callable[[str, list[str], Asked, Any], Any]


class Answer(Exception):  # noqa: N818 - an answer is no error
    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body


class Cut(Exception):  # noqa: N818 - neither is this
    """The connection ends without an answer."""


@contextmanager
def serving(route: Route) -> Iterator[str]:
    """Serves on loopback; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            words = parts.path.removeprefix("/api/").split("/")
            try:
                _let_in(self.headers["Authorization"])
                status, answer = 200, route(self.command, words, parse_qs(parts.query), body)
            except Cut:
                self.close_connection = True
                return
            except Answer as other:
                status, answer = other.status, other.body
            except Exception as error:  # whatever breaks is a 500, as it is there
                status, answer = 500, {"message": type(error).__name__}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever asked has lost patience
                self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names that the library calls

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()


def _let_in(authorization: str | None) -> None:
    if authorization != f"Key {API_KEY}":
        raise Answer(404, {"message": "Not found"})
