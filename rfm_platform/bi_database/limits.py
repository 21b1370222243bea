"""How long a server lets a session of ours work, wait and be idle, whatever its roles are set to.

A dump or a restore takes as long as it takes; waiting for a table is what holds up others.
"""

from collections.abc import Sequence

import psycopg

LOCK_SECONDS = 60
# A snapshot is idle while pg_dump works. Servers know these since 9.6 and 17.
UNLIMITED = ("idle_in_transaction_session_timeout", "transaction_timeout")
LOCK_ADVICE = (
    f": somebody has had a table for themselves for {LOCK_SECONDS} seconds (a migration, VACUUM "
    "FULL, TRUNCATE). Wait for the end of that, or end it"
)


def lift_limits(
    connection: psycopg.Connection,
    names: Sequence[str] = ("statement_timeout", "lock_timeout", *UNLIMITED),
) -> None:
    """Frees a connection from a role's or a server's limits of time, of those that it knows."""
    for name in names:
        connection.execute(unlimited("%s").encode(), [name])


def unlimited(name: str) -> str:
    """The statement that lifts a limit, where the server knows it; the name as SQL has it."""
    return (
        "SELECT pg_catalog.set_config(name, '0', false) "  # noqa: S608 - ours, or a placeholder
        f"FROM pg_catalog.pg_settings WHERE name = {name}"
    )
