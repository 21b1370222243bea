"""Reading a YAML file that people edit: what is wrong with it is said in their words."""

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from rfm_platform.errors import PlatformError


def read_yaml(source: Path | Traversable, error: type[PlatformError]) -> Any:
    """What a file holds.

    Raises:
        PlatformError: the given one, if it cannot be read, is no text or no YAML.
    """
    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except OSError as cause:
        raise error(f"{source}: {cause.strerror}") from None
    except UnicodeDecodeError:
        raise error(f"{source} is no UTF-8 text") from None
    except yaml.YAMLError as cause:
        raise error(f"{source} is no YAML: {cause}") from None
