"""How long a server lets a session of ours work, wait and be idle, whatever its roles are set to.

A dump or a restore takes as long as it takes; waiting for a table is what holds up others.
"""

import psycopg

LOCK_SECONDS = 60
LOCK_ADVICE = (
    f": somebody has had a table for themselves for {LOCK_SECONDS} seconds (a migration, VACUUM "
    "FULL, TRUNCATE). Wait for the end of that, or end it"
)
_LIFTING = (
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN "
)
# A snapshot is idle while pg_dump works. Servers know these since 9.6 and 17: set where they are.
LIFT_IDLE_LIMITS = f"{_LIFTING} ('idle_in_transaction_session_timeout', 'transaction_timeout')"
_LIFT_OTHERS = f"{_LIFTING} ('statement_timeout', 'lock_timeout')"


def lift_limits(connection: psycopg.Connection) -> None:
    """Frees a connection from a role's or a server's limits of time."""
    for statement in (LIFT_IDLE_LIMITS, _LIFT_OTHERS):
        connection.execute(statement.encode())
