"""Difference in differences over exactly matched strata, with a bootstrap interval.

The estimator of the effect on the targeted: within each stratum the mean change of the targeted
minus that of the comparison, averaged with the targeted customers as weights. Equivalently, each
comparison customer of a stratum weighs targeted ÷ comparison customers of the stratum. Strata
without both are left out.

The interval is the percentile interval (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapter 13) of a Poisson bootstrap over customers: in each resample a customer counts
Poisson(1) times (Hanley and MacGibbon, 2006), and the whole estimator is applied anew, matching
included. Resamples share their weighted sums by stratum, so more groups cost next to nothing.
Nothing here knows campaigns or SQL. Whether the sides were alike before is balance.py's.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 1000
INTERVAL = (0.025, 0.975)
_WEIGHTS_AT_ONCE = 250_000  # of all customers and some resamples: 2 MB


@dataclass(frozen=True)
class Panel:
    """Customers, one row each.

    Attributes:
        targeted: whether the customer was.
        before, then: the outcomes, a column each, in the two windows.
    """

    targeted: NDArray[np.bool_]
    before: Floats
    then: Floats


@dataclass(frozen=True)
class Strata:
    """How customers are matched, and which groups are told.

    Attributes:
        stratum: of each customer; numbers from 0.
        group: of each stratum; numbers from 0.
        groups: how many there are.
    """

    stratum: Ints
    group: Ints
    groups: int


@dataclass(frozen=True)
class Effects:
    """By group; the means and effects have a column for each outcome.

    Attributes:
        targeted, comparison: matched customers.
        effective: Kish's effective size of the weighted comparison.
        means: targeted before, targeted then, comparison before, comparison then.
        effect, low, high: the estimate and its interval; NaN where nobody is matched.
    """

    targeted: Ints
    comparison: Ints
    effective: Floats
    means: tuple[Floats, Floats, Floats, Floats]
    effect: Floats
    low: Floats
    high: Floats


def effects(
    panel: Panel, told: list[Strata], seed: int, resamples: int = RESAMPLES
) -> list[Effects]:
    """The effects by the groups of each stratification, all from the same resamples.

    Args:
        panel: the customers, in an order that is always the same.
        told: the stratifications.
        seed: of the resamples.
        resamples: how many.
    """
    arms_of = [strata.stratum * 2 + panel.targeted for strata in told]
    keys = np.stack(arms_of, axis=1) if len(panel.targeted) else np.empty((0, len(told)), np.int64)
    cells, cell_of = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(cell_of, kind="stable")
    bounds = np.searchsorted(cell_of[order], np.arange(len(cells) + 1))
    values = np.column_stack((np.ones(len(order)), panel.before, panel.then))[order]
    once = _sums(np.ones((1, len(order))), values, bounds)
    matchings = [_matching(cells[:, n], strata) for n, strata in enumerate(told)]
    points = [_apply(once, matching) for matching in matchings]
    drawn: list[list[Floats]] = [[] for _ in told]
    random = np.random.default_rng(seed)
    at_once = max(1, _WEIGHTS_AT_ONCE // max(1, len(order)))
    for first in range(0, resamples, at_once):
        weights = _poisson(random, (min(at_once, resamples - first), len(order)))
        sums = _sums(weights, values, bounds)
        for some, matching in zip(drawn, matchings, strict=True):
            some.append(_difference(_apply(sums, matching).means))
    return [_result(point, np.concatenate(some)) for point, some in zip(points, drawn, strict=True)]


# Of 65,536 equally likely numbers, how often each stands for: Poisson(1) to within 1e-5, at a
# tenth of the cost of drawing it.
_TABLE = np.repeat(np.arange(9.0), [24109, 24109, 12055, 4018, 1005, 201, 33, 5, 1])


def _poisson(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return _TABLE[random.integers(0, len(_TABLE), shape, dtype=np.uint16)]


def _sums(weights: Floats, values: Floats, bounds: Ints) -> Floats:
    """Weighted sums of the values by cell: resample × cell × column."""
    sums = np.empty((len(weights), len(bounds) - 1, values.shape[1]))
    for cell, (first, last) in enumerate(pairwise(bounds)):
        sums[:, cell] = weights[:, first:last] @ values[first:last]
    return sums


class _Places:
    """Where the places of an axis are added up to: sorted once, used for all resamples."""

    def __init__(self, target: Ints, size: int) -> None:
        self._order = np.argsort(target, kind="stable")
        self._present, self._first = np.unique(target[self._order], return_index=True)
        self._size = size

    def add_up(self, values: Floats) -> Floats:
        """Adds up the second axis by the targets of its places."""
        added = np.zeros((len(values), self._size, values.shape[2]))
        added[:, self._present] = np.add.reduceat(values[:, self._order], self._first, axis=1)
        return added


@dataclass(frozen=True)
class _Matching:
    """From cells to the two arms of the strata that somebody is in, and from these to groups."""

    arms: _Places
    groups: _Places


def _matching(arm_of: Ints, strata: Strata) -> _Matching:
    present, at = np.unique(arm_of // 2, return_inverse=True)
    arms = _Places(at * 2 + arm_of % 2, 2 * len(present))
    return _Matching(arms, _Places(strata.group[present], strata.groups))


@dataclass(frozen=True)
class _Applied:
    targeted: Floats
    comparison: Floats
    effective: Floats
    means: tuple[Floats, Floats, Floats, Floats]


def _difference(means: tuple[Floats, Floats, Floats, Floats]) -> Floats:
    targeted_before, targeted_then, comparison_before, comparison_then = means
    return targeted_then - comparison_then - (targeted_before - comparison_before)


def _apply(sums: Floats, matching: _Matching) -> _Applied:
    """The estimator on sums by cell: resample × group, and × outcome for the means."""
    by_arm, by_group = matching.arms.add_up(sums), matching.groups
    comparison, targeted = by_arm[:, 0::2], by_arm[:, 1::2]
    is_matched = (comparison[..., :1] > 0) & (targeted[..., :1] > 0)
    targeted, comparison = targeted * is_matched, comparison * is_matched
    size, other = targeted[..., :1], comparison[..., :1]
    ratio = np.divide(size, other, out=np.zeros_like(size), where=is_matched)
    t = by_group.add_up(targeted)
    c = by_group.add_up(comparison * ratio)
    squares = by_group.add_up(size * ratio)
    with np.errstate(invalid="ignore"):
        t_means, c_means = t[..., 1:] / t[..., :1], c[..., 1:] / t[..., :1]
        effective = (t[..., :1] ** 2 / squares)[..., 0]
    outcomes = t_means.shape[-1] // 2
    return _Applied(
        t[..., 0],
        by_group.add_up(other)[..., 0],
        effective,
        (
            t_means[..., :outcomes],
            t_means[..., outcomes:],
            c_means[..., :outcomes],
            c_means[..., outcomes:],
        ),
    )


def _result(point: _Applied, drawn: Floats) -> Effects:
    before, then, other_before, other_then = (mean[0] for mean in point.means)
    estimate = _difference(point.means)[0]
    low, high = np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    for group in np.flatnonzero(point.targeted[0] > 0):
        some = drawn[:, group]
        low[group], high[group] = np.quantile(some[~np.isnan(some[:, 0])], INTERVAL, axis=0)
    return Effects(
        point.targeted[0].astype(np.int64),
        point.comparison[0].astype(np.int64),
        point.effective[0],
        (before, then, other_before, other_then),
        estimate,
        low,
        high,
    )
