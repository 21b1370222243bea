"""What is counted on the page, and which sums bind those counts: what a reader could add up."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from rfm_platform.dashboards.figures import Figures, Row, Slice
from rfm_platform.dashboards.suppression import Key, Sum

# What a reader misses least is hidden first: shops before marketplaces before the whole, and
# within a slice in this order.
_KINDS = (
    *("cause", "flow", "all before", "before", "cell", "cohort"),
    *("active", "segment", "customers"),
)


def worth(key: Key) -> int:
    """The larger, the more a reader would miss the count."""
    match key:
        case (kind, tuple() as one, *_):
            return 100 * (2 - len(one)) + _KINDS.index(kind)
    raise TypeError(f"{key!r} is no key of a count")


def month_of(row: Row) -> int:
    """The calendar month of a retention cell, as months since year 0."""
    cohort: dt.date = row["cohort_month"]
    return cohort.year * 12 + cohort.month - 1 + int(row["months"])


def this_month_of(figures: Figures) -> int:
    """The month of the snapshot, likewise."""
    return figures.as_of.year * 12 + figures.as_of.month - 1


def counts_of(figures: Figures) -> dict[Key, int]:
    """Every count of customers that the page could show: (kind, slice, names …) → customers."""
    counts: dict[Key, int] = defaultdict(int)
    this_month = this_month_of(figures)
    for key, row in figures.slices.items():
        counts["customers", key] = row["customers"]
        for segment in figures.segments.get(key, ()):
            counts["segment", key, segment["segment"]] = segment["customers"]
        for cell in figures.cells.get(key, ()):
            score = (cell["r_score"], cell["f_score"], cell["m_score"])
            counts["cell", key, score] = cell["customers"]
        for move in figures.moves.get(key, ()):
            before, now, cause = move["from_segment"], move["to_segment"], move["cause"]
            counts["cause", key, before, now, cause] = move["customers"]
            counts["flow", key, before, now] += move["customers"]
            if before is not None:
                counts["before", key, before] += move["customers"]
                counts["all before", key] += move["customers"]
        for cohort in figures.cohorts.get(key, ()):
            counts["cohort", key, cohort["cohort_month"], cohort["months"]] = cohort["customers"]
            if (ago := this_month - month_of(cohort)) in (0, 1):
                counts["active", key, ago] += cohort["customers"]
    return dict(counts)


def sums_of(figures: Figures, counts: Mapping[Key, int]) -> list[Sum]:
    """Every sum that a reader of the page knows."""
    parts: dict[tuple[str, Key], list[Key]] = defaultdict(list)
    cell_segments: dict[Any, str] = {
        (row["r_score"], row["f_score"], row["m_score"]): row["segment"]
        for rows in figures.cells.values()
        for row in rows
    }
    this_month = this_month_of(figures)
    for key in counts:
        for kind, total in _totals_of(key, cell_segments, this_month):
            parts[kind, total].append(key)
    sums = [Sum(total, tuple(keys)) for (_, total), keys in parts.items()]
    return [*sums, *_sums_over_slices(figures, counts)]


def _totals_of(
    key: Any, cell_segments: Mapping[Any, str], this_month: int
) -> Iterator[tuple[str, Key]]:
    """The totals that a count is a part of, each with what kind of part."""
    kind, one, *names = key
    match kind, names:
        case "segment", _:
            yield kind, ("customers", one)
        case "before", _:
            yield kind, ("all before", one)
        case "flow", [before, now]:
            for total, segment in (("before", before), ("segment", now)):
                if segment is not None:
                    yield kind, (total, one, segment)
        case "cause", [before, now, _]:
            yield kind, ("flow", one, before, now)
        case "cell", [score]:
            yield kind, ("segment", one, cell_segments[score])
        case "cohort", [cohort, months]:
            yield from _totals_of_cohort(one, cohort, months, this_month)


def _totals_of_cohort(
    one: Slice, cohort: dt.date, months: int, this_month: int
) -> Iterator[tuple[str, Key]]:
    if months == 0:
        yield "size", ("customers", one)
    ago = this_month - (cohort.year * 12 + cohort.month - 1 + months)
    if ago in (0, 1):
        yield "cohort", ("active", one, ago)


def _sums_over_slices(figures: Figures, counts: Mapping[Key, int]) -> list[Sum]:
    """Marketplaces add up to the whole. Shops add up to a marketplace but for those that the report
    leaves out and for customers of several: that difference is the remainder."""
    children: dict[Slice, list[Slice]] = defaultdict(list)
    for one in figures.slices:
        if one:
            children[one[:-1]].append(one)
    sums = []
    names = {(key[0], *key[2:]) for key in counts if isinstance(key, tuple)}
    for parent, parts in children.items():
        for name in names:
            total = (name[0], parent, *name[1:])
            if total in counts:
                keys = tuple((name[0], part, *name[1:]) for part in parts)
                left_out = counts[total] - sum(counts.get(key, 0) for key in keys)
                sums.append(Sum(total, keys, abs(left_out)))
    return sums
