"""A mail server and a webhook on loopback, which keep what they are sent."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from rfm_platform_tests.conftest import free_port


@dataclass
class Receiver:
    """A receiver, its Apprise URL, and the texts it was sent: title and body.

    What it answers is told beforehand where it matters, one answer for each message.
    """

    url: str = ""
    received: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Receiver]:
    """An SMTP server."""
    receiver = Receiver()

    class Handler:
        # aiosmtpd calls it by the command that it answers.
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            message = message_from_bytes(envelope.content, policy=default)
            body = message.get_body(("plain",))
            text = body.get_content() if body else ""
            receiver.received.append(f"{message['Subject']}\n{text}")
            return "250 OK"

    port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        receiver.url = (
            f"mailto://127.0.0.1:{port}/?from=rfm@example.com&to=team@example.com&mode=insecure"
        )
        yield receiver
    finally:
        controller.stop()


@contextmanager
def webhook(status: int = 200) -> Iterator[Receiver]:
    """An HTTP server that takes JSON and answers with a status, where nothing else is told."""
    receiver = Receiver()

    def take(sent: dict[str, str]) -> int:
        receiver.received.append(f"{sent['title']}\n{sent['message']}")
        return receiver.answers.pop(0) if receiver.answers else status

    with _http_server(take) as port:
        receiver.url = f"json://user:hunter2@127.0.0.1:{port}/token-abc"
        yield receiver


@contextmanager
def chat(longest: int) -> Iterator[Receiver]:
    """A chat of Mattermost's kind, which refuses messages of more letters than it takes."""
    receiver = Receiver()

    def take(sent: dict[str, str]) -> int:
        if len(sent["text"]) > longest:
            return 400
        receiver.received.append(sent["text"])
        return 200

    with _http_server(take) as port:
        receiver.url = f"mmost://127.0.0.1:{port}/3ccdd113474722377935511fc85d3dd4"
        yield receiver


@contextmanager
def _http_server(take: Callable[[dict[str, str]], int]) -> Iterator[int]:
    """On loopback; `take` is given what is posted and says the status. The port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(take(sent))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
