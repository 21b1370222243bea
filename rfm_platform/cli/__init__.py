"""`rfm`: parse, call, show. Nothing is computed here."""

import sys
from typing import Any


def main(arguments: Any = None) -> None:
    """Entry point. Ctrl-C ends it without a stack, also while it is being imported."""
    try:
        from rfm_platform.cli.entry import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run(arguments)
