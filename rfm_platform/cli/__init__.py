"""`rfm`: parse, call, show. Nothing is computed here."""

from rfm_platform.cli.entry import main

__all__ = ["main"]
