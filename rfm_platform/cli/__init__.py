"""`rfm`: parse, call, show. Nothing is computed here."""

from rfm_platform.cli.app import main

__all__ = ["main"]
