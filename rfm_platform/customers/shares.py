"""How days of the mart are dealt out: over readers that read at once, and into pieces."""

import datetime as dt
from collections.abc import Mapping

from rfm_platform.mart import Share

# Fewer are read before a second connection is there.
LINES_OF_A_READER = 50_000
# How much more than the average a reader may have to read.
UNEVEN_BY = 1.3


def readers_worth_it(lines: int, readers: int) -> int:
    """How many of the readers of a snapshot so many lines are worth."""
    return max(1, min(readers, lines // LINES_OF_A_READER))


def shares_of(lines: Mapping[dt.date, int], readers: int) -> list[Share]:
    """The lines of some days for so many readers: days for each, or of each day a part for each.

    A reader that has days for itself reads nothing in vain, so that is how it is done where days
    can be dealt out evenly enough.
    """
    total = sum(lines.values())
    dealt: list[dict[dt.date, int]] = [{} for _ in range(readers)]
    before = 0
    for day, count in sorted(lines.items()):
        middle = (2 * before + count) * readers // max(1, 2 * total)
        dealt[min(middle, readers - 1)][day] = count
        before += count
    if max(sum(days.values()) for days in dealt) * readers <= total * UNEVEN_BY:
        return [Share(days) for days in dealt]
    return [Share(lines, number, readers) for number in range(readers)]


def pieces(
    lines: Mapping[dt.date, int], *, lines_at_once: int, days_at_once: int
) -> list[dict[dt.date, int]]:
    """Days with their lines, in order, in pieces of at most so many of both, or of one day."""
    found: list[dict[dt.date, int]] = []
    for day, count in sorted(lines.items()):
        last = found[-1] if found else {}
        if last and len(last) < days_at_once and sum(last.values()) + count <= lines_at_once:
            last[day] = count
        else:
            found.append({day: count})
    return found
