"""Where `rfm` begins and ends: an expected error is a sentence on stderr and exit code 1."""

import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

from rfm_platform.cli.app import app
from rfm_platform.cli.arguments import UsageError
from rfm_platform.cli.refused_writes import refused_write
from rfm_platform.errors import PlatformError


def main(arguments: Any = None) -> None:
    """Entry point. An error that nobody expected shows where in the code it was raised."""
    try:
        app(args=arguments)
    except (UsageError, PlatformError) as error:
        _end(str(error))
    except Exception as error:
        said = refused_write(error)
        if said is None:
            raise
        _end(said)


def _end(sentence: str) -> None:
    Console(stderr=True).print(f"[bold red]Error:[/] {escape(sentence)}", highlight=False)
    sys.exit(1)
