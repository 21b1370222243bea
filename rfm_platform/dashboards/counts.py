"""What is counted on the page, and what else a reader could count by subtracting.

Shops that the report leaves out are no slices of it, but a marketplace less its other shops tells
what they are together: they are counted as one more shop, which nobody sees. So are the customers
of each calendar month: a retention table adds up to its revenue.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from rfm_platform.dashboards.figures import Figures, Row, Slice
from rfm_platform.dashboards.suppression import Key

# Counts that are shown with revenue. A customer of two shops is counted in both, and so is an order
# whose lines differ in shop, but each line's amount is in one: revenue of shops adds up exactly.
MONEY = {"segment", "cell", "active", "customers", "orders"}
# Slices like no other: shops that are left out together, and a parent less its slices on the page.
_LEFT_OUT = (None, None, "left out")
REST = (None, None, "rest")


def month_of(row: Row) -> int:
    """The calendar month of a retention cell, as months since year 0."""
    cohort: dt.date = row["cohort_month"]
    return cohort.year * 12 + cohort.month - 1 + int(row["months"])


def this_month_of(figures: Figures) -> int:
    """The month of the snapshot, likewise."""
    return figures.as_of.year * 12 + figures.as_of.month - 1


def counts_of(figures: Figures, minimum: int) -> dict[Key, int]:
    """Every count of customers that the page could show: (kind, slice, names …) → customers.

    "orders" stands for a slice's orders and revenue, which are all its cohorts' cells together. It
    counts their customers, month by month, so that they are bound as their orders are.

    Args:
        minimum: the smallest count that is shown.
    """
    counts: dict[Key, int] = defaultdict(int)
    largest: dict[Key, int] = defaultdict(int)
    for one in figures.slices:
        for kind, name, customers in _counts_of_slice(figures, one):
            counts[kind, one, *name] += customers
    for one in figures.left_out:
        of_shop: dict[Key, int] = defaultdict(int)
        for kind, name, customers in _counts_of_slice(figures, one):
            of_shop[kind, (*one[:1], *_LEFT_OUT), *name] += customers
        for key, customers in of_shop.items():
            counts[key] += customers
            largest[key] = max(largest[key], customers)
    return dict(counts | _counts_of_rest(figures, counts, largest, minimum))


def _counts_of_slice(figures: Figures, key: Slice) -> Iterator[tuple[str, tuple[Any, ...], int]]:
    yield "customers", (), (figures.slices.get(key) or figures.left_out[key])["customers"]
    for segment in figures.segments.get(key, ()):
        yield "segment", (segment["segment"],), segment["customers"]
    for cell in figures.cells.get(key, ()):
        yield "cell", (score_of(cell),), cell["customers"]
    for move in figures.moves.get(key, ()):
        before, now, customers = move["from_segment"], move["to_segment"], move["customers"]
        yield "cause", (before, now, move["cause"]), customers
        yield "flow", (before, now), customers
        if before is not None:
            yield "before", (before,), customers
            yield "all before", (), customers
        if now is not None and key in figures.left_out and key not in figures.segments:
            yield "segment", (now,), customers
    for cohort in figures.cohorts.get(key, ()):
        customers = cohort["customers"]
        yield "cohort", (cohort["cohort_month"], cohort["months"]), customers
        yield "orders", (), customers
        yield "active", (this_month_of(figures) - month_of(cohort),), customers


def parent_of(one: Slice) -> Slice:
    """The marketplace of a shop, the whole of a marketplace."""
    return one[:-1] if len(one) < 3 else one[:-3]


def score_of(cell: Row) -> tuple[int, int, int]:
    """Where a cell is in the grid."""
    return cell["r_score"], cell["f_score"], cell["m_score"]


def _counts_of_rest(
    figures: Figures, counts: Mapping[Key, int], largest: Mapping[Key, int], minimum: int
) -> dict[Key, int]:
    """What a reader finds where something is in no slice of the page: parents less their slices.

    Customers of several shops are in several slices, so there may be more than that: at least the
    largest shop's. A slice that is not segmented has no cells; where nothing but revenue tells that
    there are any, they are taken for a single customer.
    """
    parents = {key[:1] for key in figures.left_out}
    parents |= {() for key, row in figures.slices.items() if len(key) == 1 and row["withheld"]}
    rest = {key: count for key, count in counts.items() if named(key)[1] in parents}
    revenue = _revenue(figures)
    unexplained = {key: revenue.get(key, 0) for key in rest}
    for key, count in counts.items():
        kind, one, *name = named(key)
        parent: Key = (kind, parent_of(one), *name)
        if parent in rest and one and one in figures.slices:
            rest[parent] -= count
            unexplained[parent] -= revenue.get(key, 0)
    found: dict[Key, int] = {}
    for total, count in rest.items():
        kind, one, *name = named(total)
        left = (kind, (*one, *_LEFT_OUT), *name)
        if kind in MONEY:
            least = max(count, largest.get(left, 0), int(unexplained[total] != 0))
        else:
            # So many customers of several shops make it as good as unknown.
            several = counts.get(left, 0) - count
            least = count if 0 < several < minimum else 0
        if least > 0:
            found[kind, (*one, *REST), *name] = least
    return found


def named(key: Any) -> tuple[Any, ...]:
    """A key as kind, slice and names."""
    parts: tuple[Any, ...] = key
    return parts


def _revenue(figures: Figures) -> dict[Key, int]:
    return {
        key: row["revenue"]
        for one in figures.slices
        for key, row in (
            *((("segment", one, row["segment"]), row) for row in figures.segments.get(one, ())),
            *((("cell", one, score_of(row)), row) for row in figures.cells.get(one, ())),
        )
    }


def unseen_of(counts: Mapping[Key, int]) -> set[Key]:
    """Counts that the page does not show, but that a reader could work out."""
    return {key for key in counts if _is_unseen(key)}


def _is_unseen(key: Any) -> bool:
    kind, one, *name = key
    return len(one) > 2 or (kind == "active" and name[0] > 1)
