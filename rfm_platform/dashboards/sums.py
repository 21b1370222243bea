"""Which sums bind the counts of the page: what a reader could add up."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rfm_platform.dashboards.counts import MONEY, REST, named, parent_of, score_of, this_month_of
from rfm_platform.dashboards.figures import Figures, Slice
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


def sums_of(figures: Figures, counts: Mapping[Key, int]) -> list[Sum]:
    """Every sum that a reader of the page knows."""
    parts: dict[tuple[str, Key], list[Key]] = defaultdict(list)
    cell_segments: dict[Any, str] = {
        score_of(row): row["segment"] for rows in figures.cells.values() for row in rows
    }
    for key in counts:
        if named(key)[1][-3:] == REST:  # it is in one sum only
            continue
        for kind, total in _totals_of(key, figures, cell_segments):
            parts[kind, total].append(key)
    sums = []
    for (kind, total), keys in parts.items():
        if named(total)[0] != "orders":
            remainder = _remainder(counts, total, keys) if kind == "new" else 0
            sums.append(Sum(total, tuple(keys), remainder))
        if kind in ("segment", "cell", "cohort", "orders") and named(total)[0] != "customers":
            sums.append(Sum(total, tuple(keys), figure="revenue"))
    return [*sums, *_sums_over_slices(figures, counts)]


def _remainder(counts: Mapping[Key, int], total: Key, parts: Iterable[Key]) -> int:
    return abs(counts.get(total, 0) - sum(counts.get(part, 0) for part in parts))


def _totals_of(
    key: Any, figures: Figures, cell_segments: Mapping[Any, str]
) -> Iterator[tuple[str, Key]]:
    """The totals that a count is a part of, each with what kind of part."""
    kind, one, *names = key
    match kind, names:
        case "segment", _:
            yield kind, ("customers", one)
            yield kind, ("orders", one)  # whose revenue is the segments' too
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
        segmented = one in figures.segments or one not in figures.slices
        yield "flow", ("segment", one, now) if segmented else ("customers", one)


def _totals_of_cohort(
    one: Slice, cohort: dt.date, months: int, this_month: int
) -> Iterator[tuple[str, Key]]:
    yield "orders", ("orders", one)
    if months == 0:
        yield "size", ("customers", one)
    yield "cohort", ("active", one, this_month - (cohort.year * 12 + cohort.month - 1 + months))


def _sums_over_slices(figures: Figures, counts: Mapping[Key, int]) -> list[Sum]:
    """Marketplaces add up to the whole. So does the revenue of shops to their marketplace's; of
    their customers some are in several shops, who are the remainder."""
    children: dict[Slice, set[Slice]] = defaultdict(set)
    for _, one, *_ in map(named, counts):
        if one and one[-3:] != REST:
            children[parent_of(one)].add(one)
    flows_to = _flows_to(figures, counts)
    sums = []
    for total in counts:
        kind, parent, *name = named(total)
        parts = [(kind, part, *name) for part in children.get(parent, ())]
        rest = (kind, (*parent, *REST), *name)
        shown = (*(key for key in parts if len(key[1]) < 3), rest)
        if kind in MONEY or (kind == "cohort" and not parent):
            sums.append(Sum(total, shown, figure="revenue"))
        elif rest in counts:
            sums.append(Sum(total, shown))
        if kind != "orders":
            keys = tuple(key for one in parts for key in flows_to.get(one, [one]))
            sums.append(Sum(total, keys, _remainder(counts, total, keys)))
    return [each for each in sums if any(map(counts.get, each.parts))]


def _flows_to(figures: Figures, counts: Mapping[Key, int]) -> dict[Key, list[Key]]:
    """What a reader can add up instead of a withheld slice's segments: the moves to each."""
    found: dict[Key, list[Key]] = defaultdict(list)
    for key in counts:
        match key:
            case ("flow", tuple() as one, _, str() as now) if one not in figures.segments and (
                one in figures.slices
            ):
                found["segment", one, now].append(key)
    return found
