"""How two databases sort and compare text: told where it differs, as the data is the same."""

from collections.abc import Mapping

# As sql/database.sql and sql/target.sql name what a database was created with; what may be
# otherwise where that differs.
_EFFECTS = {
    "collation": ("sorts text by", "lists may come in another order"),
    "character_type": (
        "tells letters apart by",
        "lower('Ä') and what compares without case may be otherwise",
    ),
    "locale": (
        "leaves order and case to",
        "both may be otherwise",
    ),
}
LOCALE = tuple(_EFFECTS)


def locale_differences(source: Mapping[str, str], target: Mapping[str, str]) -> list[str]:
    """A sentence on each difference.

    Args:
        source: by the names of LOCALE, what it was created with.
        target: the same of the other one.
    """
    return [
        f"The source {does} {source[name]}, the target {target[name]}: {effect}."
        for name, (does, effect) in _EFFECTS.items()
        if source[name] != target[name]
    ]
