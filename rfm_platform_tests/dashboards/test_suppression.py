"""Small counts stay hidden from somebody who knows every sum: by trying all tables that fit."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rfm_platform.dashboards.counts import named
from rfm_platform.dashboards.suppression import Key, Sum, hide

MINIMUM = 3
COUNTS = st.integers(0, 5)


def _solutions(
    counts: dict[Key, int], sums: list[Sum], hidden: set[Key]
) -> Iterator[dict[Key, int]]:
    """Every table of whole numbers that has the same visible counts and obeys the sums.

    What is hidden is not 0, which would be shown.
    """
    unknown = sorted(hidden, key=repr)
    largest = max(counts.values(), default=0)
    for values in itertools.product(range(1, largest + 1), repeat=len(unknown)):
        tried = counts | dict(zip(unknown, values, strict=True))
        if all(tried[s.total] == sum(tried[part] for part in s.parts) for s in sums):
            yield tried


def _table(rows: list[list[int]]) -> tuple[dict[Key, int], list[Sum]]:
    """A table with its row totals, column totals and grand total."""
    height, width = len(rows), len(rows[0])
    counts: dict[Key, int] = {(r, c): rows[r][c] for r in range(height) for c in range(width)}
    counts |= {(r, "sum"): sum(rows[r]) for r in range(height)}
    counts |= {("sum", c): sum(row[c] for row in rows) for c in range(width)}
    counts["sum", "sum"] = sum(map(sum, rows))
    sums = [Sum((r, "sum"), tuple((r, c) for c in range(width))) for r in range(height)]
    sums += [Sum(("sum", c), tuple((r, c) for r in range(height))) for c in range(width)]
    sums.append(Sum(("sum", "sum"), tuple((r, "sum") for r in range(height))))
    sums.append(Sum(("sum", "sum"), tuple(("sum", c) for c in range(width))))
    return counts, sums


@given(st.lists(st.lists(COUNTS, min_size=3, max_size=3), min_size=2, max_size=2))
@settings(deadline=None, max_examples=25)
def test_no_small_count_of_a_table_with_all_its_totals_can_be_worked_out(
    rows: list[list[int]],
) -> None:
    counts, sums = _table(rows)
    hidden = hide(counts, sums, MINIMUM)
    small = {key for key, count in counts.items() if 0 < count < MINIMUM}
    assert small <= hidden
    if len(hidden) > 4 or counts["sum", "sum"] < MINIMUM:
        return  # too many tables to try; the linear algebra is tested below
    possible: dict[Key, set[int]] = {key: set() for key in small}
    for solution in _solutions(counts, sums, hidden):
        for key in small:
            possible[key].add(solution[key])
    assert all(len(values) > 1 for values in possible.values()), (rows, hidden, possible)


def test_one_small_part_takes_a_second_one_along() -> None:
    counts: dict[Key, int] = {"sum": 32, "a": 2, "b": 10, "c": 20}
    assert hide(counts, [Sum("sum", ("a", "b", "c"))], 5) == {"a", "b"}


def test_two_small_parts_whose_sum_is_small_take_a_third_one_along() -> None:
    """1 + 1 = 2 would tell both."""
    counts: dict[Key, int] = {"sum": 32, "a": 1, "b": 1, "c": 30}
    assert hide(counts, [Sum("sum", ("a", "b", "c"))], 5) == {"a", "b", "c"}


def test_what_is_worth_less_is_hidden_first() -> None:
    counts: dict[Key, int] = {"sum": 32, "a": 2, "b": 10, "c": 20}
    worth = {"sum": 9, "a": 0, "b": 5, "c": 1}
    sums = [Sum("sum", ("a", "b", "c"))]
    assert hide(counts, sums, 5, lambda key: worth[str(key)]) == {"a", "c"}


def test_zero_and_large_counts_stay_visible() -> None:
    counts: dict[Key, int] = {"sum": 30, "a": 0, "b": 10, "c": 20}
    assert hide(counts, [Sum("sum", ("a", "b", "c"))], 5) == set()


def test_a_remainder_that_nobody_sees_is_companion_enough() -> None:
    counts: dict[Key, int] = {"sum": 40, "a": 2, "b": 10, "c": 20}
    assert hide(counts, [Sum("sum", ("a", "b", "c"), remainder=8)], 5) == {"a"}


def test_a_count_that_two_sums_together_give_away_is_protected() -> None:
    """Each sum has two hidden counts, but x + y and y alone (through z) fix x."""
    counts: dict[Key, int] = {"s": 30, "x": 2, "y": 3, "v": 25, "t": 50, "z": 3, "w": 47, "y2": 3}
    sums = [Sum("s", ("x", "y", "v")), Sum("t", ("z", "w")), Sum("y", ("y2",)), Sum("z", ("y2",))]
    hidden = hide(counts, sums, 5)
    assert {"x", "y", "z", "y2"} <= hidden
    # t − w would tell z, z tells y, y tells x.
    assert hidden & {"w", "t"}


def test_counts_that_can_only_be_1_each_are_protected() -> None:
    """0 is shown, so five that are hidden and together 5 are 1 each."""
    counts: dict[Key, int] = {"sum": 25, "large": 20, "a": 1, "b": 1, "c": 1, "d": 1, "e": 1}
    hidden = hide(counts, [Sum("sum", ("large", *"abcde"))], 5)
    assert {*"abcde"} < hidden
    assert not _bounded(counts, [Sum("sum", ("large", *"abcde"))], hidden)


def test_counts_that_are_1_each_by_sums_of_sums_are_protected() -> None:
    """x is at least 2 by its parts and y at least 3 by its own; together they are 5."""
    counts: dict[Key, int] = {"sum": 305, "seen": 300, "x": 2, "y": 3}
    ones: tuple[Key, ...] = ("x1", "x2", "y1", "y2", "y3")
    counts |= dict.fromkeys(ones, 1)
    sums = [Sum("sum", ("seen", "x", "y")), Sum("x", ones[:2]), Sum("y", ones[2:])]
    hidden = hide(counts, sums, 5)
    assert {"x", "y", *ones} < hidden
    assert not _bounded(counts, sums, hidden)


@pytest.mark.parametrize("size", [2, 12])
def test_hiding_ends_when_everything_is_small(size: int) -> None:
    counts, sums = _table([[1] * size for _ in range(size)])
    assert hide(counts, sums, 5) >= {(r, c) for r in range(size) for c in range(size)}


def _given_away(counts: dict[Key, int], sums: list[Sum], hidden: set[Key]) -> set[Key]:
    """Hidden counts that have one value in every solution of the sums, by their null space."""
    keys = sorted(hidden, key=repr)
    rows = [
        [(key in s.parts) - (key == s.total) for key in keys]
        for s in sums
        if counts.get(s.total) and not s.remainder
    ]
    _, sizes, directions = np.linalg.svd(np.array(rows, dtype=float))
    free = directions[(sizes > 1e-9).sum() :]
    return {key for n, key in enumerate(keys) if counts[key] and np.abs(free[:, n]).max() < 1e-9}


def _bounded(counts: dict[Key, int], sums: list[Sum], hidden: set[Key]) -> set[Key]:
    """Hidden counts with one value in every solution in which none is less than 1, by the simplex
    method.
    """
    keys = sorted((key for key in hidden if counts[key]), key=repr)
    told = [s for s in sums if counts.get(s.total) and not s.remainder]
    rows = [[(key in s.parts) - (key == s.total) for key in keys] for s in told]
    seen = [
        sum(counts[key] for key in (s.total,) if key not in hidden)
        - sum(counts[key] for key in s.parts if key not in hidden)
        for s in told
    ]
    found = set()
    for number, key in enumerate(keys):
        if counts[key] < 5:
            ends = []
            for sign in (1, -1):
                costs = np.zeros(len(keys))
                costs[number] = sign
                end = linprog(costs, A_eq=np.array(rows), b_eq=np.array(seen), bounds=(1, None))
                ends.append(sign * end.fun if end.status == 0 else np.inf)
            if abs(ends[1] - ends[0]) < 1e-6:
                found.add(key)
    return found


def _moves(seed: int) -> tuple[dict[Key, int], list[Sum]]:
    """Moves of ten shops between six segments, most of them small, with all their totals."""
    chance = np.random.default_rng(seed)
    counts: dict[Key, int] = defaultdict(int)
    parts: dict[Key, set[Key]] = defaultdict(set)
    for shop, before, now in itertools.product(range(10), range(6), range(6)):
        one = int(chance.poisson(chance.gamma(0.5, 30 if before == now else 4)))
        for slice_ in (shop, "all"):
            flow = ("flow", slice_, before, now)
            for total in (("before", slice_, before), ("now", slice_, now)):
                parts[total].add(flow)
                parts["customers", slice_].add(total)
                counts[total] += one
            counts[flow] += one
            counts["customers", slice_] += one
        parts["flow", "all", before, now].add(("flow", shop, before, now))
        for side, name in (("before", before), ("now", now)):
            parts[side, "all", name].add((side, shop, name))
        parts["customers", "all"].add(("customers", shop))
    sums = [
        Sum(total, tuple(key for key in keys if named(key)[0] == kind))
        for total, keys in parts.items()
        for kind in {named(key)[0] for key in keys}
    ]
    return counts, sums


WORTH = ("flow", "before", "now", "customers")


def _worth(key: Key) -> int:
    return WORTH.index(named(key)[0])


@pytest.mark.parametrize("seed", [1, 3, 4, 5])
def test_many_small_moves_give_none_away_and_leave_the_totals_visible(seed: int) -> None:
    counts, sums = _moves(seed)
    hidden = hide(counts, sums, 5, _worth)
    small = {key for key, count in counts.items() if 0 < count < 5}
    assert small <= hidden
    assert not _given_away(counts, sums, hidden) & small
    assert not _bounded(counts, sums, hidden) & small
    assert not [key for key in hidden if named(key)[0] == "customers"]
    assert len(hidden) < 1.8 * len(small)


def test_a_companion_that_is_given_away_protects_nothing() -> None:
    """Three sums of two tell z, and less it x and y are together 4: each is 1, 2 or 3."""
    counts: dict[Key, int] = {"s": 74, "x": 2, "y": 2, "z": 20, "w": 50, "u": 30, "v": 40}
    counts |= {"zu": 50, "uv": 70, "zv": 60}
    sums = [Sum("s", ("x", "y", "z", "w"))]
    sums += [Sum("zu", ("z", "u")), Sum("uv", ("u", "v")), Sum("zv", ("z", "v"))]
    hidden = hide(counts, sums, 5, unseen=("u", "v"))
    assert {"x", "y", "z", "u", "v"} < hidden
    assert "z" not in _given_away(counts, sums, hidden) or hidden & {"s", "w"}


def test_a_remainder_of_a_few_protects_no_small_count() -> None:
    """x and the remainder are together 3, once z is known."""
    counts: dict[Key, int] = {"s": 73, "x": 1, "z": 20, "w": 50, "u": 30, "v": 40}
    counts |= {"zu": 50, "uv": 70, "zv": 60}
    sums = [Sum("s", ("x", "z", "w"), remainder=2)]
    sums += [Sum("zu", ("z", "u")), Sum("uv", ("u", "v")), Sum("zv", ("z", "v"))]
    hidden = hide(counts, sums, 5, unseen=("u", "v"))
    assert hidden & {"w", "s", "zu", "uv", "zv"}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_counts_hide_the_same_whatever_their_order(seed: int) -> None:
    """Two reports of a day that hid different counts would tell what each of them hides."""
    chance = random.Random(seed)  # noqa: S311 - the same order each time
    counts, sums = _moves(0)
    keys, shuffled = list(counts), list(sums)
    chance.shuffle(keys)
    chance.shuffle(shuffled)
    again = [Sum(s.total, tuple(chance.sample(s.parts, len(s.parts)))) for s in shuffled]
    assert hide({key: counts[key] for key in keys}, again, 5, _worth) == hide(
        counts, sums, 5, _worth
    )
