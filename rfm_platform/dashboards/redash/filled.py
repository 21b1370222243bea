"""Settings in a query's text: `[[RFM_TIMEZONE]]` becomes the zone's name.

Square brackets, because double braces are Redash's own parameters. What a query needs to be told
of the settings is a part of its text then, and compared and proved with it.
"""

import re
from collections.abc import Iterable, Mapping

from rfm_platform.settings import Settings

_NAMES = ("timezone", "deadline", "currency_decimals")
_PLACE = re.compile(r"\[\[(RFM_\w+)\]\]")
DEFAULTS = {f"RFM_{name.upper()}": str(Settings.model_fields[name].default) for name in _NAMES}


def values_of(settings: Settings) -> dict[str, str]:
    """What takes the place of each variable that a query may name."""
    return {f"RFM_{name.upper()}": str(getattr(settings, name)) for name in _NAMES}


def unknown_in(sql: str, values: Mapping[str, str]) -> Iterable[str]:
    """The variables that a text names and that it cannot be given."""
    return (name for name in _PLACE.findall(sql) if name not in values)


def filled(sql: str, values: Mapping[str, str]) -> str:
    """A text with the values of the variables that it names."""
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), sql)
