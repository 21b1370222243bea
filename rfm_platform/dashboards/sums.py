"""What is counted on the page, and which sums bind those counts: what a reader could add up."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rfm_platform.dashboards.figures import Figures, Row, Slice
from rfm_platform.dashboards.suppression import Key, Sum

# What a reader misses least is hidden first: shops before marketplaces before the whole, and
# within a slice in this order.
_KINDS = (
    *("cause", "flow", "all before", "before", "cell", "cohort"),
    *("size", "active", "segment", "customers"),
)


def worth(key: Key) -> int:
    """The larger, the more a reader would miss the count."""
    match key:
        case ("orders", tuple()):
            return 1000  # known from the segments as well: hiding it helps last
        case ("cohort", tuple() as one, _, 0):
            return 100 * (2 - len(one)) + _KINDS.index("size")  # hidden, it takes its row along
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
    """Every count of customers that the page could show: (kind, slice, names …) → customers.

    "orders" stands for a slice's orders and revenue, which are all its cohorts' cells together. It
    counts their customers, month by month, so that they are bound as their orders are.
    """
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
            counts["orders", key] += cohort["customers"]
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
    for key in counts:
        for kind, total in _totals_of(key, figures, cell_segments):
            parts[kind, total].append(key)
    sums = [
        Sum(total, tuple(keys), _left_out(counts, total, keys) if kind == "new" else 0)
        for (kind, total), keys in parts.items()
    ]
    return [*sums, *_sums_over_slices(figures, counts)]


def _left_out(counts: Mapping[Key, int], total: Key, parts: Iterable[Key]) -> int:
    return abs(counts.get(total, 0) - sum(counts.get(part, 0) for part in parts))


def _totals_of(
    key: Any, figures: Figures, cell_segments: Mapping[Any, str]
) -> Iterator[tuple[str, Key]]:
    """The totals that a count is a part of, each with what kind of part."""
    kind, one, *names = key
    match kind, names:
        case "segment", _:
            yield kind, ("customers", one)
        case "before", _:
            yield kind, ("all before", one)
        case "flow", [before, now]:
            yield from _totals_of_flow(one, before, now, figures)
        case "cause", [before, now, _]:
            yield kind, ("flow", one, before, now)
        case "cell", [score]:
            yield kind, ("segment", one, cell_segments[score])
        case "cohort", [cohort, months]:
            yield from _totals_of_cohort(one, cohort, months, this_month_of(figures))


def _totals_of_flow(
    one: Slice, before: str | None, now: str | None, figures: Figures
) -> Iterator[tuple[str, Key]]:
    if before is not None:
        yield "flow", ("before", one, before)
    else:
        # Moves are told from the end of the month before: who is new since then is this month's
        # cohort, but for customers whose earlier orders were cancelled, or came to count, since.
        yield "new", ("cohort", one, figures.as_of.replace(day=1), 0)
    if now is not None:
        # A withheld slice shows no segments, but where its customers went, and how many they are.
        segmented = one in figures.segments
        yield "flow", ("segment", one, now) if segmented else ("customers", one)


def _totals_of_cohort(
    one: Slice, cohort: dt.date, months: int, this_month: int
) -> Iterator[tuple[str, Key]]:
    yield "orders", ("orders", one)
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
    flows_to = _flows_to(figures, counts)
    for parent, parts in children.items():
        for name in names:
            total = (name[0], parent, *name[1:])
            if total in counts:
                same = [(name[0], part, *name[1:]) for part in parts]
                keys = tuple(key for one in same for key in flows_to.get(one, [one]))
                sums.append(Sum(total, keys, _left_out(counts, total, keys)))
    return sums


def _flows_to(figures: Figures, counts: Mapping[Key, int]) -> dict[Key, list[Key]]:
    """What a reader can add up instead of a withheld slice's segments: the moves to each."""
    found: dict[Key, list[Key]] = defaultdict(list)
    for key in counts:
        match key:
            case ("flow", one, _, str() as now) if one not in figures.segments:
                found["segment", one, now].append(key)
    return found
