"""How long a server lets a session of ours work, wait and be idle, whatever its roles are set to.

A dump or a restore takes as long as it takes; waiting for a table is what holds up others.
"""

import psycopg

from rfm_platform.postgres.limits import LIFT_IDLE_LIMITS

LOCK_SECONDS = 60
LOCK_ADVICE = (
    f": somebody has had a table for themselves for {LOCK_SECONDS} seconds (a migration, VACUUM "
    "FULL, TRUNCATE). Wait for the end of that, or end it"
)
_LIFT_OTHERS = (
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings "
    "WHERE name IN ('statement_timeout', 'lock_timeout')"
)


def lift_limits(connection: psycopg.Connection) -> None:
    """Frees a connection from a role's or a server's limits of time."""
    for statement in (LIFT_IDLE_LIMITS, _LIFT_OTHERS):
        connection.execute(statement.encode())
