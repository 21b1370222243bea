"""How long a server lets a transaction of ours wait, whatever it sets for everybody."""

IDLE_LIMITS = ("idle_in_transaction_session_timeout", "transaction_timeout")
# Servers know these since 9.6 and 17: lifted where they are.
_LIFTING = (
    "SELECT pg_catalog.set_config(name, '0', {}) FROM pg_catalog.pg_settings "  # noqa: S608 - no values
    f"WHERE name IN {IDLE_LIMITS}"
)
LIFT_IDLE_LIMITS = _LIFTING.format("false")
# Until the end of the transaction: the session may be a pooler's.
LIFT_IDLE_LIMITS_LOCALLY = _LIFTING.format("true")
