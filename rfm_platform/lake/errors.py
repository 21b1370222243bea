"""What can go wrong with the lake, for people."""

from rfm_platform.errors import PlatformError


class GoneError(PlatformError):
    """An earlier version of a table that cannot be read any more."""


class StoreError(PlatformError):
    """An object store that cannot be used: which, and what to look at. Never a key."""
