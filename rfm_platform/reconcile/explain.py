"""Why two sides differ: from a day's totals down to order numbers, each with its cause.

Plain functions over lines of the two sides. Which orders to look at, and where the lines come
from, is decided elsewhere; people's names are compared as digests and never come here.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]
_Pair = tuple[Line, Line]  # the source's, the platform's

LINES_TOLD = 5  # of a change that sums do not show; the rest is counted

MISSING = "missing"
EXTRA = "extra"
DUPLICATE = "duplicate"
STATUS = "status changed"
AMOUNT = "amount changed"
UNKNOWN_FLAG = "unknown flag"
NO_CUSTOMER = "no customer"
RECIPIENT = "recipient changed"
OTHER = "changed"

_AMOUNTS = ("product_gmv_amount", "kurs_rate")
_STATUSES = ("cancelled", "returned")
_FLAGS = ("cancelled_flag", "returned_flag")


@dataclass(frozen=True)
class Explanation:
    """Why an order differs.

    Attributes:
        cause: one of this module's causes.
        source: what the source has, for a person: a status, an amount, a count of lines.
        platform: what the platform has.
        moved: whether the source has changed since the day was read; otherwise it was misread.
    """

    marketplace: str | None
    day: dt.date
    order_id: str
    cause: str
    source: str
    platform: str
    moved: bool

    def row(self) -> dict[str, object]:
        """For a table that a person reads."""
        return {
            "marketplace": self.marketplace,
            "month": f"{self.day:%Y-%m}",
            "day": str(self.day),
            "order": self.order_id,
            "cause": self.cause,
            "source": self.source,
            "platform": self.platform,
            "why": "changed since" if self.moved else "misread",
        }


def differing(source: Mapping[str, str], platform: Mapping[str, str]) -> list[str]:
    """The orders whose digests differ or that only one side has, in order."""
    return sorted(
        order
        for order in source.keys() | platform.keys()
        if source.get(order) != platform.get(order)
    )


def causes(source: Sequence[Line], platform: Sequence[Line]) -> list[tuple[str, str, str]]:
    """Why the lines of an order differ: (cause, what the source has, what the platform has).

    Lines that only one side has are held against each other in pairs, those first that are most
    alike: what changed is told of the same line of the order, and what is left has no partner.

    Args:
        source: the order's lines there, with ``cancelled`` and ``returned`` as 1, 0 or None.
        platform: its lines here.
    """
    if not platform:
        return [(MISSING, _describe(source), ""), *_kept_out(source)]
    if not source:
        return [(EXTRA, "", _describe(platform))]
    there, here = (Counter(_frozen(line) for line in side) for side in (source, platform))
    if there == here:
        return []
    pairs, alone = _paired(
        [dict(line) for line in (there - here).elements()],
        [dict(line) for line in (here - there).elements()],
    )
    found: list[tuple[str, str, str]] = []
    if alone:
        cause = MISSING
        if len(platform) > len(source):
            cause = DUPLICATE if all(_frozen(line) in there for line in alone) else EXTRA
        found.append((cause, f"{len(source)} lines", f"{len(platform)} lines"))
    if changed := _differing_in(pairs, _STATUSES):
        found.append((STATUS, *_told(changed, _statuses, _status)))
    if changed := _differing_in(pairs, _AMOUNTS):
        found.append((AMOUNT, *_told(changed, _amount, _amount_of_line)))
    if _differing_in(pairs, ("recipient",)):
        found.append((RECIPIENT, "another", "another"))
    if not found:
        columns = [name for name in source[0] if _differing_in(pairs, (name,))]
        found.append((f"{OTHER}: {', '.join(columns)}", "", ""))
    return [*found, *_kept_out(source)]


def _paired(source: list[Line], platform: list[Line]) -> tuple[list[_Pair], list[Line]]:
    """Lines of two sides in pairs, and those of the longer side that are left."""
    pairs: list[_Pair] = []
    for key in _ALIKE:
        waiting: dict[tuple[Any, ...], list[Line]] = {}
        for line in platform:
            waiting.setdefault(key(line), []).append(line)
        left = []
        for line in source:
            if partners := waiting.get(key(line)):
                pairs.append((line, partners.pop(0)))
            else:
                left.append(line)
        source, platform = left, [line for lines in waiting.values() for line in lines]
    return pairs, source or platform


def _without(*names: str) -> Callable[[Line], tuple[Any, ...]]:
    return lambda line: tuple((name, line[name]) for name in sorted(line) if name not in names)


def _with(*names: str) -> Callable[[Line], tuple[Any, ...]]:
    return lambda line: tuple(line.get(name) for name in names)


# What two lines have to have in common, most first: all but what may change of a line, then the
# unit that was sold; the rest is paired as it comes.
_ALIKE = (
    _without(*_STATUSES, *_FLAGS),
    _without(*_AMOUNTS),
    _without("recipient"),
    _without(*_STATUSES, *_FLAGS, *_AMOUNTS, "recipient"),
    _with("marketplace_product_id", "marketplace_variant_id", "marketplace_product_barcode"),
    _with("marketplace_product_id"),
    _with(),
)


def _differing_in(pairs: Iterable[_Pair], names: Sequence[str]) -> list[_Pair]:
    return [
        (there, here) for there, here in pairs if any(there[name] != here[name] for name in names)
    ]


def _told(
    pairs: Sequence[_Pair], together: Callable[[list[Line]], str], each: Callable[[Line], str]
) -> tuple[str, str]:
    """What each side has: in all, or line by line where that is the same on both."""
    there, here = [there for there, _ in pairs], [here for _, here in pairs]
    if together(there) != together(here):
        return together(there), together(here)
    more = f" and {len(pairs) - LINES_TOLD} more" if len(pairs) > LINES_TOLD else ""
    told = [f"{', '.join(map(each, side[:LINES_TOLD]))}{more}" for side in (there, here)]
    return told[0], told[1]


def _kept_out(source: Iterable[Line]) -> list[tuple[str, str, str]]:
    """What keeps lines of the source out of the totals anyway."""
    found = []
    unknown = sorted(
        {
            str(line[flag])
            for line in source
            for flag, known in zip(_FLAGS, _STATUSES, strict=True)
            if line[known] is None
        }
    )
    if unknown:
        found.append((UNKNOWN_FLAG, ", ".join(unknown), "kept out"))
    if any(not line["user_id"] for line in source):
        found.append((NO_CUSTOMER, "", "kept out"))
    return found


def _frozen(line: Line) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(line.items()))


def _status(line: Line) -> str:
    if line["cancelled"] is None or line["returned"] is None:
        return "unknown"
    if line["cancelled"]:
        return "cancelled"
    return "returned" if line["returned"] else "valid"


def _statuses(lines: Iterable[Line]) -> str:
    counts = Counter(map(_status, lines))
    return ", ".join(f"{status} {count}" for status, count in sorted(counts.items()))


def _amount_of_line(line: Line) -> str:
    return f"{line['product_gmv_amount']} × {line['kurs_rate']}"


def _amount(lines: Sequence[Line]) -> str:
    return str(sum((line["product_gmv_amount"] or 0) * (line["kurs_rate"] or 0) for line in lines))


def _describe(lines: Sequence[Line]) -> str:
    return f"{len(lines)} lines, {_statuses(lines)}, {_amount(lines)}"
