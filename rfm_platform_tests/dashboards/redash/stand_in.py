"""A server with the part of Redash's REST API that provisioning calls, and with its traps.

It answers as a running Redash was seen to: 404 to a wrong key, names that are not unique, 409 to a
stale version, 500 to an unknown job, pages of at most 250, lists without archived objects and
without other users' drafts, jobs that stay queued where no worker runs, lists of a parameter that
are checked. Queries are run for real, on the database that their data source names.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rfm_platform_tests.dashboards.redash.routes import route
from rfm_platform_tests.dashboards.redash.state import StandIn
from rfm_platform_tests.redash_http import Asked, Cut, serving


@contextmanager
def stand_in(**wrong: Any) -> Iterator[StandIn]:
    """Starts one."""
    server = StandIn(**wrong)

    def answer(method: str, words: list[str], asked: Asked, body: Any) -> Any:
        time.sleep(server.delay)  # as a server that is busy; 0 unless a test says so
        with server.lock:
            changes = method != "GET"
            if changes and server.is_dying():
                raise Cut
            server.calls.append((method, "/".join(words)))
            said = route(server, method, words, asked, body)
            if changes and server.is_dying():
                raise Cut
            return said

    with serving(answer) as server.url:
        yield server
