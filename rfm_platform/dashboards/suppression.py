"""Hiding small counts so that nobody can work them out from what stays visible.

A count of 1 to k − 1 customers is hidden. What is published together is bound by sums (segments add
up to their slice, marketplaces to the whole, moves to both snapshots), so hiding it alone would
hide nothing. In each sum the hidden counts are at least two and together at least k; then, sum by
sum, none follows from the rest. Sums taken together could still give one away: that is decided for
all of them at once by linear algebra. A hidden count can be worked out exactly if every solution of
the sums has the same value there, that is if every vector of their null space is 0 there, and a
random vector of the null space is 0 elsewhere with probability 0 only.

A large count that was hidden beside a small one may be worked out. It is then no companion any
more: in each sum with a small count, those that cannot be worked out are together at least k.

And a hidden count is at least 1, because 0 is shown: five of them that are together 5 are 1 each.
What is at its least in every solution is known (`bounds`), and what follows by linear algebra.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rfm_platform.dashboards.bounds import Equation, at_their_least
from rfm_platform.dashboards.null_space import random_null_vector

Key = Hashable
_Line = tuple[tuple[Key, ...], tuple[Key, ...], int, str]  # total, parts, remainder, figure
_COUNTED = "customers"
_EXACT = 1e-6


@dataclass(frozen=True)
class Sum:
    """One sum that a reader knows: the parts add up to the total.

    Attributes:
        remainder: what parts that nobody sees add to it.
        figure: what is added up. A count is shown with its other figures or not at all, but nothing
            follows from sums of customers and of revenue taken together.
    """

    total: Key
    parts: tuple[Key, ...]
    remainder: int = 0
    figure: str = _COUNTED


@dataclass
class _State:
    counts: Mapping[Key, int]
    minimum: int
    lines: list[_Line]
    hidden: set[Key]
    unseen: set[Key]
    worth: Callable[[Key], int]
    lines_of: dict[Key, list[int]] = field(default_factory=dict)


def hide(
    counts: Mapping[Key, int],
    sums: Iterable[Sum],
    minimum: int,
    worth: Callable[[Key], int] = lambda _: 0,
    unseen: Iterable[Key] = (),
) -> set[Key]:
    """Which counts must not be shown, whatever the order of what is given.

    Args:
        counts: everything that would be shown, by key; none is negative.
        sums: what a reader knows of them. Keys without a count are taken for 0.
        minimum: the smallest count that may be shown; 0 may always.
        worth: of two counts that could be hidden beside a small one, the one of less worth is.
        unseen: counts that are shown nowhere, but that a reader could work out.
    """
    hidden = {key for key, count in counts.items() if 0 < count < minimum} | {*unseen}
    lines: list[_Line] = sorted(
        (
            (
                (s.total,),
                tuple(sorted(filter(counts.get, s.parts), key=repr)),
                s.remainder,
                s.figure,
            )
            for s in sums
            if counts.get(s.total)
        ),
        key=repr,
    )
    state = _State(counts, minimum, lines, hidden, {*unseen}, worth)
    for number, (total, parts, *_) in enumerate(lines):
        for key in (*total, *parts):
            state.lines_of.setdefault(key, []).append(number)
    _close(state, range(len(lines)))
    while exposed := _exposed(state) or _cornered(state):
        touched = set[int]()
        for key, figure in exposed:
            if touched.isdisjoint(state.lines_of[key]):  # else it may be safe by now
                touched |= _hide_a_companion(state, key, figure)
        if not touched:
            break
        _close(state, touched)
    return hidden


def _close(state: _State, numbers: Iterable[int]) -> None:
    """Hides more until no sum gives one of its parts away."""
    waiting = set(numbers)
    while waiting:
        total, parts, remainder, _ = state.lines[waiting.pop()]
        keys = (*parts, *total)
        hidden = [key for key in keys if key in state.hidden]
        amount = sum(state.counts[key] for key in hidden) + remainder
        number = len(hidden) + (remainder > 0)
        # A large count that is shown nowhere may be worked out: it was not hidden for another.
        helpless = all(key in state.unseen and state.counts[key] >= state.minimum for key in hidden)
        if helpless or (number >= 2 and amount >= state.minimum):
            continue
        visible = [key for key in parts if key not in state.hidden] or [
            key for key in total if key not in state.hidden
        ]
        if visible:
            waiting |= _hide_cheapest(state, visible)


def _exposed(state: _State) -> list[tuple[Key, str]]:
    """Small counts that all sums of a figure together give away, or nearly."""
    found = set[tuple[Key, str]]()
    lines_of_figure: dict[str, list[_Line]] = defaultdict(list)
    for line in _with_hidden(state):
        lines_of_figure[line[3]].append(line)
    for figure, lines in lines_of_figure.items():
        determined = {*_determined(state.hidden, lines)}
        unknown = state.hidden - determined
        found |= {(key, figure) for key in determined if state.counts[key] < state.minimum}
        for total, parts, remainder, _ in lines:
            hidden = [key for key in parts if key in unknown]
            if not hidden or not unknown.isdisjoint(total):
                continue
            known = {*total, *parts} - unknown
            rest = sum(state.counts[key] * (1 if key in total else -1) for key in known)
            amount = max(sum(state.counts[key] for key in hidden) + remainder, rest)
            # Hidden counts that are together less than k are each less than k.
            if amount < state.minimum:
                found.add((hidden[0], figure))
    return sorted(found, key=repr)


def _with_hidden(state: _State) -> list[_Line]:
    """The sums with a hidden count, in order."""
    numbers = {number for key in state.hidden for number in state.lines_of.get(key, ())}
    return [state.lines[number] for number in sorted(numbers)]


def _cornered(state: _State) -> list[tuple[Key, str]]:
    """Small counts that have one value because no hidden count is less than it can be."""
    lines = [line for line in _with_hidden(state) if line[3] == _COUNTED and not line[2]]
    equations = [
        Equation(
            [key for key in parts if key in state.hidden],
            [key for key in total if key in state.hidden],
            sum(state.counts[key] for key in total if key not in state.hidden)
            - sum(state.counts[key] for key in parts if key not in state.hidden),
        )
        for total, parts, *_ in lines
    ]
    # Of what is shown nowhere, nobody knows that it is not 0.
    least = at_their_least(equations, lambda key: int(key not in state.unseen))
    single = least.union(_determined(state.hidden - least, lines))
    small = (key for key in single if state.counts[key] < state.minimum)
    return sorted(((key, _COUNTED) for key in small), key=repr)


def _hide_a_companion(state: _State, key: Key, figure: str) -> set[int]:
    """Hides a count in the nearest sums around one that is given away; the sums that changed.

    What lies further away is often no part of what gives it away, and would be hidden in vain.
    """
    reached, seen = {key}, {key}
    while reached:
        around = set[Key]()
        for number in {number for one in reached for number in state.lines_of[one]}:
            total, parts, remainder, added_up = state.lines[number]
            # A remainder of k is unknown enough: nothing there helps.
            if added_up == figure and remainder < state.minimum:
                around |= {*total, *parts}
        if visible := around - state.hidden:
            return _hide_cheapest(state, visible)
        reached = around - seen
        seen |= around
    return set()


def _hide_cheapest(state: _State, visible: Iterable[Key]) -> set[int]:
    key = min(visible, key=lambda one: (state.worth(one), state.counts[one], repr(one)))
    state.hidden.add(key)
    return set(state.lines_of[key])


def _determined(hidden: set[Key], lines: Iterable[_Line]) -> list[Key]:
    """Hidden counts that all sums together give away."""
    bound = {key for total, parts, *_ in lines for key in (*total, *parts)}
    keys = sorted(bound & hidden, key=repr)
    index = {key: number for number, key in enumerate(keys)}
    rows: list[int] = []
    columns: list[int] = []
    signs: list[float] = []
    unknowns = len(keys)
    number = 0
    for total, parts, remainder, _ in lines:
        found = [(index[k], 1.0) for k in parts if k in index]
        found += [(index[k], -1.0) for k in total if k in index]
        if not found:
            continue
        if remainder:
            found.append((unknowns, 1.0))
            unknowns += 1
        for column, sign in found:
            rows.append(number)
            columns.append(column)
            signs.append(sign)
        number += 1
    if not number:
        return []
    free = random_null_vector(np.array(rows), np.array(columns), np.array(signs), number, unknowns)
    return [key for key, value in zip(keys, free, strict=False) if abs(value) < _EXACT]
