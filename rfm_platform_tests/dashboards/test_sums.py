"""Whole figures become what the page holds, and somebody who can add works on it.

An attacker writes down what the page shows as equations, with an unknown for each hidden figure,
and asks which whole numbers fit.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from rfm_platform.dashboards.figures import Figures, Slice
from rfm_platform.dashboards.payload import slices_of

MINIMUM = 5
AS_OF = dt.date(2024, 2, 29)
JANUARY, FEBRUARY = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
SEGMENTS = ["Champions", "Loyal", "New"]
Move = tuple[str | None, str | None]
Moves = dict[Move, int]
Cells = dict[tuple[dt.date, int], int]


def figures_of_moves(
    moves: dict[Slice, Moves], cells: dict[Slice, Cells], withheld: Iterable[Slice] = ()
) -> Figures:
    """Figures of slices. Segments follow from the moves; each customer of a cell has two orders."""
    figures = Figures(AS_OF, dt.date(2024, 1, 31), slices={})
    for key, of_slice in moves.items():
        now = dict.fromkeys(SEGMENTS, 0)
        for (_, segment), customers in of_slice.items():
            if segment is not None:
                now[segment] += customers
        figures.moves[key] = [
            {"from_segment": a, "to_segment": b, "cause": "time", "customers": n}
            for (a, b), n in of_slice.items()
        ]
        if key not in withheld:
            figures.segments[key] = [
                {"segment": name, "customers": n, "orders": n, "revenue": n, "median_recency": 1}
                for name, n in now.items()
                if n
            ]
        figures.cohorts[key] = [
            {
                "cohort_month": month,
                "months": months,
                "customers": n,
                "orders": 2 * n,
                "revenue": 100 * n,
                "is_partial": False,
                "is_left_truncated": False,
            }
            for (month, months), n in sorted(cells.get(key, {}).items())
        ]
        figures.slices[key] = {
            "scope": ("all", "marketplace", "shop")[len(key)],
            "shop_name": None,
            "withheld": "fewer than 30 customers" if key in withheld else None,
            "customers": sum(now.values()),
            "orders": sum(row["orders"] for row in figures.cohorts[key]),
            "revenue": sum(row["revenue"] for row in figures.cohorts[key]),
        }
    return figures


def page_of(figures: Figures) -> dict[Slice, dict[str, Any]]:
    shown = slices_of(figures, SEGMENTS, MINIMUM)
    return dict(zip(figures.slices, shown, strict=True))


def _flows(shown: dict[str, Any]) -> Moves:
    return {(flow["from"], flow["to"]): flow["customers"] for flow in shown["flows"]}


def _assert_open(total: int | None, visible: Iterable[int], hidden: Sequence[object]) -> None:
    """A total and its visible parts leave each hidden one, 1 or more, several values."""
    if total is None or not hidden:
        return
    rest = total - sum(visible)
    largest = rest - (len(hidden) - 1)
    assert len(hidden) > 1, (hidden, "is", rest)
    assert largest > 1, (hidden, "are 1 each")
    assert rest >= MINIMUM, (hidden, "are together", rest)


WITH_NEW: Moves = {
    (None, "New"): 50,
    (None, "Champions"): 2,
    ("New", "Champions"): 8,
    ("New", None): 3,
    ("New", "New"): 40,
    ("Champions", "Champions"): 30,
}


@pytest.mark.parametrize("late", [0, 1, -1])
def test_new_customers_less_the_visible_moves_of_new_ones_tell_no_move(late: int) -> None:
    """Also where an order has changed since: a reader does not know that it has."""
    cells: Cells = {(JANUARY, 0): 78 - late, (JANUARY, 1): 60, (FEBRUARY, 0): 52 + late}
    (shown,) = page_of(figures_of_moves({(): WITH_NEW}, {(): cells})).values()
    new = {move: n for move, n in WITH_NEW.items() if move[0] is None}
    visible = {move: n for move, n in _flows(shown).items() if move in new}
    hidden = [move for move in new if move not in visible]
    assert (None, "Champions") in hidden
    total = shown["months"][0]["new"]
    _assert_open(total, visible.values(), hidden)


SMALL: Moves = {("Loyal", "Loyal"): 8, (None, "New"): 9, (None, "Loyal"): 3}
STIRRED: Moves = {
    (None, "Champions"): 2,
    ("Champions", "Loyal"): 2,
    ("Champions", None): 12,
    ("Loyal", "Champions"): 2,
    ("Loyal", "Loyal"): 12,
    ("Loyal", None): 9,
    ("New", "Champions"): 9,
    ("New", None): 8,
}
LARGE: Moves = {
    (before, now): 40
    for before in (None, *SEGMENTS)
    for now in (*SEGMENTS, None)
    if (before, now) != (None, None)
}


def test_customers_of_a_withheld_marketplace_less_its_visible_moves_tell_no_move() -> None:
    (shown,) = page_of(figures_of_moves({("small",): SMALL}, {}, [("small",)])).values()
    visible = _flows(shown)
    hidden = [move for move in SMALL if move not in visible]
    assert (None, "Loyal") in hidden
    assert not shown["segments"]
    _assert_open(shown["customers"], visible.values(), hidden)


@pytest.mark.parametrize("segment", ["Champions", "Loyal"])
def test_the_whole_less_other_marketplaces_tells_no_move_of_a_withheld_one(segment: str) -> None:
    whole = {move: LARGE.get(move, 0) + STIRRED.get(move, 0) for move in {**LARGE, **STIRRED}}
    moves: dict[Slice, Moves] = {(): whole, ("large",): LARGE, ("small",): STIRRED}
    page = page_of(figures_of_moves(moves, {}, [("small",)]))
    of_segment = {
        key: next(row["customers"] for row in page[key]["segments"] if row["segment"] == segment)
        for key in ((), ("large",))
    }
    here = [move for move in STIRRED if move[1] == segment]
    visible = {move: n for move, n in _flows(page["small",]).items() if move in here}
    hidden = [move for move in here if move not in visible]
    if None in of_segment.values():
        return  # nothing to subtract from, or nothing to subtract
    rest = of_segment[()] - of_segment["large",]
    _assert_open(rest, visible.values(), hidden)


@pytest.mark.parametrize("figure", [0, 1, 2])
def test_a_slices_total_less_its_visible_retention_cells_tells_no_cell(figure: int) -> None:
    """Customers of the months before last are bound by no other sum, orders and revenue are."""
    december = dt.date(2023, 12, 1)
    cells: Cells = {
        **{(dt.date(2023, 11, 1), n): size for n, size in enumerate((40, 3, 20, 18))},
        **{(december, n): size for n, size in enumerate((50, 24, 22))},
        (JANUARY, 0): 60,
        (JANUARY, 1): 30,
        (FEBRUARY, 0): 70,
    }
    moves: Moves = {("New", "Loyal"): 150, (None, "New"): 70}
    (shown,) = page_of(figures_of_moves({(): moves}, {(): cells})).values()
    found = [cell for cohort in shown["cohorts"] for cell in cohort["cells"]]
    hidden = [n for n, cell in enumerate(found) if cell is None]
    assert shown["cohorts"][0]["cells"][1] is None
    per_customer = (1, 2, 100)[figure]
    total = sum(cells.values()) if figure == 0 else shown[("orders", "revenue")[figure - 1]]
    visible = [cell[figure] // per_customer for cell in found if cell is not None]
    rest = total // per_customer - sum(visible)
    _assert_open(rest, (), hidden)


LOYAL: Moves = {("Loyal", "Loyal"): 1}
OLD: Cells = {(JANUARY, 0): 1, (JANUARY, 1): 1}
TWO: Moves = {("New", "New"): 3, ("Champions", "Loyal"): 4, (None, "New"): 2}
NEW: Cells = {(JANUARY, 0): 7, (JANUARY, 1): 6, (FEBRUARY, 0): 2}


def _figures_of(shown: dict[str, Any]) -> dict[Any, int | None]:
    """Every count of customers in a slice, by what it counts; None: hidden."""
    found: dict[Any, int | None] = {"customers": shown["customers"]}
    found["before"] = shown["customers_before"]
    for segment in shown["segments"]:
        found["segment", segment["segment"]] = segment["customers"]
        found["before", segment["segment"]] = segment["before"]
    for move in [*LARGE, *LOYAL, *TWO]:
        found["flow", move] = None
    found |= {("flow", move): customers for move, customers in _flows(shown).items()}
    for n, month in enumerate(shown["months"]):
        found["active", n] = month["active"]
    for cohort in shown["cohorts"]:
        for n, cell in enumerate(cohort["cells"]):
            found["cohort", cohort["month"], n] = cell and cell[0]
    return found


@pytest.mark.parametrize(
    ("moves", "cells", "shops"), [(LOYAL, OLD, 1), (LOYAL, OLD, 5), (TWO, NEW, 1)]
)
def test_a_marketplace_less_its_shops_tells_nothing_of_those_left_out(
    moves: Moves, cells: Cells, shops: int
) -> None:
    """Also where the only customer is one of several shops that are left out."""
    large: Cells = {(JANUARY, 0): 480, (JANUARY, 1): 400, (FEBRUARY, 0): 120}
    whole = {move: LARGE.get(move, 0) + moves.get(move, 0) for move in {**LARGE, **moves}}
    of_all = {name: count + cells.get(name, 0) for name, count in large.items()}
    left: dict[Slice, Moves] = {("m", f"left {n}"): moves for n in range(shops)}
    figures = figures_of_moves(
        {(): whole, ("m",): whole, ("m", "large"): LARGE, **left},
        {(): of_all, ("m",): of_all, ("m", "large"): large} | dict.fromkeys(left, cells),
    )
    figures.left_out.update({key: figures.slices.pop(key) for key in left})
    page = page_of(figures)
    marketplace, shop = _figures_of(page["m",]), _figures_of(page["m", "large"])
    hidden = 0
    for name, count in marketplace.items():
        other = shop[name]
        hidden += None in (count, other)
        if count is not None and other is not None:
            assert count - other == 0 or count - other >= MINIMUM, (name, count, other)
    assert 0 < hidden < len(marketplace)
