"""Who else is connected to the source: what they write after the dump's snapshot is not moved."""

import time

from rfm_platform.bi_database.endpoint import CommandEndpoint, UrlEndpoint
from rfm_platform.bi_database.results import Finding
from rfm_platform.bi_database.state import read_sql
from rfm_platform.bi_database.target import FAREWELLS
from rfm_platform.errors import PlatformError

NAME = "sessions at the source"


def look_for_others(source: UrlEndpoint | CommandEndpoint) -> Finding:
    """Whether nobody else is connected; no failure, as a rehearsal is done with the server on."""
    try:
        with source.session() as session:
            for _ in range(FAREWELLS):
                (facts,) = session.rows(read_sql("target"))
                if not facts["other_sessions"]:
                    return Finding(name=NAME, state="passed", text="Nobody else is connected.")
                time.sleep(0.25)  # a server lists a session for a moment after its client has left
                session.rows("SELECT pg_catalog.pg_stat_clear_snapshot()::text AS cleared")
    except PlatformError as error:
        return Finding(name=NAME, state="unknown", text=f"Who is connected was not told: {error}")
    return Finding(
        name=NAME,
        state="unknown",
        text=f"{facts['other_sessions']} other sessions are connected to the source "
        f"({facts['other_applications']}), and what they write from now on is not in the dump: for "
        "the cut-over stop them, then dump again.",
    )
