"""Whether two matched sides were alike before, and whether enough happened to tell a difference.

Both are judged by what would be if chance had chosen who is targeted within each stratum, as many
as were (the permutation null hypothesis). A bootstrap of each side's own customers is no such test:
a side on which nobody had ordered has 0 in every resample, and differs from any other.

The gap (targeted − comparison, weighted as difference.py weighs) is then a sum over samples drawn
without replacement, whose second and third moments are known. Its distribution is taken for the
Pearson type III one with these moments (Mielke and Berry, Permutation Methods, 2007, who do so for
their permutation tests), since that of a few orders is skewed. What an unlikely gap is, is told by
the likelihood ratio of the gamma distribution, which is the unbiased test (Lehmann and Romano,
Testing Statistical Hypotheses, 2005, example 4.2.2): its limits a, b fulfil aᵏ·e⁻ᵃ = bᵏ·e⁻ᵇ, which
makes 0 the mean of the gaps between them. So to refuse the others does not move the effects that
are told; equal tails would, by as much as the upper one is longer. The ratio is divided by its
mean (Bartlett, 1937) and held against χ² with one degree of freedom.

How many on each side had anything to count is told as expected by the same hypothesis, after
Cochran's rule for tables (Some methods for strengthening the common χ² tests, 1954). To ask for
that many on the targeted side itself would choose those campaigns whose targeted bought much. They
count as many equal ones in Kish's sense: a few large baskets may carry the revenue of all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rfm_platform.customers.difference import Floats, Ints, Panel, Strata

UNLIKELY = 3.841458820694124  # χ² with one degree of freedom exceeds it in 5 of 100
ENOUGH = 5  # expected, Cochran's number
# So many are no chance where fewer than ENOUGH are expected: P(Poisson(5) ≥ 15) = 0.02 %.
PLENTY = 15
_STRAIGHT = 1e-3  # less skewed than that is normal; the formulas for more would lose their digits


@dataclass(frozen=True)
class Balance:
    """By group and outcome.

    Attributes:
        is_balanced: whether the gap before is one that chance makes, at the 5 % level.
        expected: customers whose outcome was not 0 in one of the windows, as many as the targeted
            and the comparison would hold if the sides did not differ; in Kish's sense.
        is_enough: whether both sides hold enough of them for an interval to be trusted.
    """

    is_balanced: NDArray[np.bool_]
    expected: tuple[Floats, Floats]
    is_enough: NDArray[np.bool_]


def balance(panel: Panel, strata: Strata) -> Balance:
    """How alike the matched sides were before, and how much they hold, by group and outcome."""
    size = np.bincount(strata.stratum, minlength=len(strata.group))
    targeted = np.bincount(strata.stratum[panel.targeted], minlength=len(strata.group))
    is_in = ((targeted > 0) & (targeted < size))[strata.stratum]
    present, at = np.unique(strata.stratum[is_in], return_inverse=True)
    sides = _Sides(panel.targeted[is_in], at, size[present], targeted[present])
    group = strata.group[present]
    amounts = (np.abs(panel.before) + np.abs(panel.then))[is_in]
    events = (amounts > 0).astype(np.float64)
    powers = (_by(group, sides.sums(some), strata.groups) for some in (events, amounts, amounts**2))
    worth = _worth(*powers)
    rate = sides.sums(events) / sides.size
    expected = tuple(
        _by(group, n * rate, strata.groups) * worth for n in (sides.targeted, sides.others)
    )
    there = sides.sums(events * sides.is_targeted[:, None])
    observed = (_by(group, told, strata.groups) for told in (there, sides.sums(events) - there))
    are_enough = [
        (likely >= ENOUGH) | (did * worth >= PLENTY)
        for likely, did in zip(expected, observed, strict=True)
    ]
    gap, variance, third = (
        _by(group, moment, strata.groups)
        for moment in sides.gap(panel.before[is_in], group, strata.groups)
    )
    return Balance(
        _surprise(gap, variance, third) <= UNLIKELY,
        (expected[0], expected[1]),
        are_enough[0] & are_enough[1],
    )


def _worth(count: Floats, total: Floats, squares: Floats) -> Floats:
    """Kish's effective number of amounts, as a part of their number."""
    return np.divide(total**2, count * squares, out=np.zeros_like(count), where=squares > 0)


def _by(group: Ints, values: Floats, groups: int) -> Floats:
    added = np.zeros((groups, values.shape[1]))
    np.add.at(added, group, values)
    return added


@dataclass(frozen=True)
class _Sides:
    """Customers of the strata that hold both sides; the strata's sizes have a second axis."""

    is_targeted: NDArray[np.bool_]
    at: Ints
    of_stratum: Ints
    of_targeted: Ints

    @property
    def size(self) -> Floats:
        return self.of_stratum[:, None].astype(np.float64)

    @property
    def targeted(self) -> Floats:
        return self.of_targeted[:, None].astype(np.float64)

    @property
    def others(self) -> Floats:
        return self.size - self.targeted

    def sums(self, values: Floats) -> Floats:
        """Sums of each column by stratum."""
        return np.column_stack(
            [np.bincount(self.at, column, len(self.of_stratum)) for column in values.T]
        )

    def gap(self, values: Floats, group: Ints, groups: int) -> tuple[Floats, Floats, Floats]:
        """What each stratum adds to its group's gap, and to the gap's variance and third moment.

        Of the sum of n drawn of N without replacement, whose values differ by d from their mean:
        variance n(N − n)/(N(N − 1))·Σd² (Cochran, Sampling Techniques, 1977, section 2.6), third
        central moment n(N − n)(N − 2n)/(N(N − 1)(N − 2))·Σd³.
        """
        n, m, total = self.targeted, self.others, self.size
        mean = (self.sums(values) / total)[self.at]
        # What lies beside its mean by rounding only does not differ.
        d = np.where(np.isclose(values, mean, rtol=1e-9, atol=0), 0.0, values - mean)
        weight = total / (m * _by(group, n, groups)[group])
        pairs = n * m / (total * (total - 1))
        return (
            weight * self.sums(d * self.is_targeted[:, None]),
            weight**2 * pairs * self.sums(d**2),
            weight**3 * pairs * (m - n) / np.maximum(total - 2, 1) * self.sums(d**3),
        )


def _surprise(gap: Floats, variance: Floats, third: Floats) -> Floats:
    """The likelihood ratio of a gap, by its mean; 0 where no customer differs from another."""
    from scipy.special import digamma  # noqa: PLC0415 - no command without a campaign waits for it

    with np.errstate(divide="ignore", invalid="ignore"):
        z, skewness = gap / np.sqrt(variance), third / variance**1.5
        shape = 4 / skewness**2
        off = skewness * z / 2  # a gamma variable, as a part of its mean, less 1
        ratio = (off - np.log1p(off)) / (np.log(shape) - digamma(shape))
    ratio = np.where(off <= -1, np.inf, ratio)  # beyond where the distribution begins
    found = np.where(np.abs(skewness) < _STRAIGHT, z**2, ratio)
    return np.where(variance > 0, found, 0.0)
