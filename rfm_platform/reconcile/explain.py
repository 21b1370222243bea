"""Why two sides differ: from a day's totals down to order numbers, each with its cause.

Plain functions over lines of the two sides. Which orders to look at, and where the lines come
from, is decided elsewhere; people's names are compared as digests and never come here.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]

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
    if there.keys() == here.keys():
        cause = DUPLICATE if here.total() > there.total() else MISSING
        return [(cause, f"{there.total()} lines", f"{here.total()} lines")]
    only_source = [dict(line) for line in (there - here).elements()]
    only_platform = [dict(line) for line in (here - there).elements()]
    found: list[tuple[str, str, str]] = []
    if _values(only_source, _STATUSES) != _values(only_platform, _STATUSES):
        found.append((STATUS, _statuses(only_source), _statuses(only_platform)))
    if _values(only_source, _AMOUNTS) != _values(only_platform, _AMOUNTS):
        found.append((AMOUNT, _amount(only_source), _amount(only_platform)))
    if _values(only_source, ("recipient",)) != _values(only_platform, ("recipient",)):
        found.append((RECIPIENT, "another", "another"))
    if len(only_source) != len(only_platform):
        cause = MISSING if len(only_source) > len(only_platform) else EXTRA
        found = [(cause, f"{len(source)} lines", f"{len(platform)} lines")]
    if not found:
        columns = [
            name
            for name in only_source[0]
            if _values(only_source, (name,)) != _values(only_platform, (name,))
        ]
        found.append((f"{OTHER}: {', '.join(columns)}", "", ""))
    return [*found, *_kept_out(source)]


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


def _values(lines: Iterable[Line], names: Sequence[str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(line[name] for name in names) for line in lines)


def _status(line: Line) -> str:
    if line["cancelled"] is None or line["returned"] is None:
        return "unknown"
    if line["cancelled"]:
        return "cancelled"
    return "returned" if line["returned"] else "valid"


def _statuses(lines: Iterable[Line]) -> str:
    counts = Counter(map(_status, lines))
    return ", ".join(f"{status} {count}" for status, count in sorted(counts.items()))


def _amount(lines: Sequence[Line]) -> str:
    return str(sum((line["product_gmv_amount"] or 0) * (line["kurs_rate"] or 0) for line in lines))


def _describe(lines: Sequence[Line]) -> str:
    return f"{len(lines)} lines, {_statuses(lines)}, {_amount(lines)}"
