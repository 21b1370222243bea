"""Who else is connected to a database."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.results import Finding
from rfm_platform.bi_database.state import read_sql
from rfm_platform.errors import PlatformError

OTHER_SESSIONS = "other_sessions"  # below sql/
NAME = "sessions at the source"
# How often a server is asked again about a session that may have ended: two seconds.
FAREWELLS = 8


def other_sessions(ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Who else is connected, once those who have just left are gone.

    Args:
        ask: gives the row of sql/other_sessions.sql as of now, not as of its transaction's start.
    """
    for _ in range(FAREWELLS):
        found = ask()
        if not found["sessions"]:
            return found
        time.sleep(0.25)  # a server tells nobody when a session ends: it has to be asked again
    return ask()


def look_at_source(source: UrlEndpoint | CommandEndpoint) -> Finding:
    """Whether nobody else is connected: what others write after the dump's snapshot is not moved.

    No failure, as a rehearsal is done with the server on.
    """
    try:
        with source.session() as session:

            def ask() -> dict[str, Any]:
                session.rows("SELECT pg_catalog.pg_stat_clear_snapshot()::text AS cleared")
                (found,) = session.rows(read_sql(OTHER_SESSIONS))
                return found

            others = other_sessions(ask)
    except PlatformError as error:
        return Finding(name=NAME, state="unknown", text=f"Who is connected was not told: {error}")
    if not others["sessions"]:
        return Finding(name=NAME, state="passed", text="Nobody else is connected.")
    return Finding(
        name=NAME,
        state="unknown",
        text=f"{others['sessions']} other sessions are connected to the source "
        f"({others['applications']}), and what they write from now on is not in the dump: for "
        "the cut-over stop them, then dump again.",
    )
