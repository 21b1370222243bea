"""A server with the part of Redash's REST API that provisioning calls, and with its traps.

It answers as a running Redash was seen to: 404 to a wrong key, names that are not unique, 409 to a
stale version, 500 to an unknown job, pages of at most 250, lists without archived objects and
without other users' drafts, jobs that stay queued where no worker runs, lists of a parameter that
are checked. Queries are run for real, on the database that their data source names.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rfm_platform_tests.dashboards.redash.routes import route
from rfm_platform_tests.dashboards.redash.state import Answer, StandIn

API_KEY = "an administrators key"


@contextmanager
def stand_in(**wrong: Any) -> Iterator[StandIn]:
    """Starts one."""
    server = StandIn(**wrong)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            words = parts.path.removeprefix("/api/").split("/")
            asked = parse_qs(parts.query)
            time.sleep(server.delay)
            try:
                _let_in(self.headers["Authorization"])
                with server.lock:
                    changes = self.command != "GET"
                    if changes and server.is_dying():
                        self.close_connection = True
                        return
                    server.calls.append((self.command, parts.path))
                    status, answer = 200, route(server, self.command, words, asked, body)
                    if changes and server.is_dying():
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
    server.url = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()


def _let_in(authorization: str | None) -> None:
    if authorization != f"Key {API_KEY}":
        raise Answer(404, {"message": "Not found"})
