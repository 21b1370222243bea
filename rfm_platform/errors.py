"""Errors for people: what was wrong, where, what to do. Never a password, never personal data."""


class PlatformError(Exception):
    """Base of every error that is shown as a sentence and not as a stack."""
