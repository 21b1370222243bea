"""Purchases drawn from the BG/NBD model's own story, and its integrals, without its formulas."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rfm_platform.customers.bg_nbd import BgNbd, Histories

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Purchases:
    """A purchase each: whose, and on which day since the beginning. First purchases included."""

    customer: NDArray[np.int64]
    time: Floats


def draw(truth: BgNbd, customers: int, days: float, *, births: float, seed: int) -> Purchases:
    """What customers who came in the first `births` days buy in `days` days."""
    chance = np.random.default_rng(seed)
    rate = chance.gamma(truth.r, 1 / truth.alpha, customers)
    leaving = chance.beta(truth.a, truth.b, customers)
    there, time = np.arange(customers), chance.uniform(0, births, customers)
    found = [(there, time)]
    while there.size:
        time = time + chance.exponential(1 / np.maximum(rate[there], 1e-12))
        there, time = there[time < days], time[time < days]
        found.append((there, time))
        stays = chance.random(there.size) >= leaving[there]
        there, time = there[stays], time[stays]
    return Purchases(*map(np.concatenate, zip(*found, strict=True)))


def histories_of(purchases: Purchases, as_of: int, customers: int) -> Histories:
    """Each customer's own row: days are whole, two purchases of a day are one."""
    pairs = np.unique(np.stack([purchases.customer, np.floor(purchases.time)]).T, axis=0)
    who, day = pairs[pairs[:, 1] <= as_of].T.astype(int)
    first, last = np.full(customers, as_of), np.zeros(customers, dtype=int)
    np.minimum.at(first, who, day)
    np.maximum.at(last, who, day)
    count = np.bincount(who, minlength=customers)
    return Histories(count - 1, last - first, as_of - first, np.ones(customers, dtype=int))


class Integrals:
    """Averages over all rates and leaving probabilities, weighted by what a history makes likely.

    Nodes are Gauss-Legendre's, at the quantiles of both mixing distributions.
    """

    def __init__(self, model: BgNbd, nodes: int = 300) -> None:
        at, weight = np.polynomial.legendre.leggauss(nodes)
        at, weight = (at + 1) / 2, weight / 2
        self.rate = stats.gamma.ppf(at, model.r, scale=1 / model.alpha)[:, None]
        self.leaving = np.clip(stats.beta.ppf(at, model.a, model.b), 1e-12, 1 - 1e-12)[None, :]
        self.weight = weight[:, None] * weight[None, :]

    def there(self, x: int, age: float) -> Floats:
        """The density of x purchases, none of them the last, then silence."""
        stays: Floats = (1 - self.leaving) ** x * self.rate**x * np.exp(-self.rate * age)
        return stays

    def likelihood(self, x: int, last: float, age: float) -> float:
        gone = 0.0
        if x:
            before = (1 - self.leaving) ** (x - 1) * self.rate**x
            gone = self.leaving * before * np.exp(-self.rate * last)
        return float(np.sum(self.weight * (self.there(x, age) + gone)))

    def mean(
        self, x: int, last: float, age: float, of: Callable[[Floats, Floats], Floats | float]
    ) -> float:
        """Of a function of rate and leaving probability, 0 for whoever has left."""
        total = np.sum(self.weight * self.there(x, age) * of(self.rate, self.leaving))
        return float(total / self.likelihood(x, last, age))
