"""What stands in the way of moving a database."""

from rfm_platform.errors import PlatformError


class BiDatabaseError(PlatformError):
    """Where it is, why, what to do. Never a password, never a row."""
