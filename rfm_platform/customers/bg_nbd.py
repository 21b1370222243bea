"""When customers buy again: the BG/NBD model, fitted by maximum likelihood.

P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting Your Customers" the Easy Way: An Alternative to
the Pareto/NBD Model, Marketing Science 24 (2005) 275-284. A customer who is alive buys at random
with a rate of their own; rates follow a gamma distribution (shape r, rate alpha). After each
purchase they leave for good with a probability of their own; these follow a beta distribution
(a, b). All that counts of a customer is three numbers (`Histories`), so customers with the same
three are one weighted row, and a million of them are fitted in a second.

Time is in days. Nothing here knows of tables.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln

from rfm_platform.errors import PlatformError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Of each parameter's logarithm. With leaving probabilities that are all alike, or all 0, the
# likelihood rises towards infinity or 0 and is flat long before these.
_LOWER, _UPPER = math.log(1e-4), math.log(1e5)
# Of the mean log-likelihood by each parameter's logarithm.
_GRADIENT_TOLERANCE = 1e-5
# The search gives up where the likelihood is curved unlike before; from there it is begun anew.
_SEARCHES = 3
# Of the quadrature: exact to 1e-7 where alpha is a day or more.
_NODES = 128


class UnconvergedError(PlatformError):
    """The likelihood's maximum was not found: there is no model to forecast with."""


@dataclass(frozen=True)
class Histories:
    """What the model knows of customers: arrays of one length, a row for each distinct history.

    Attributes:
        repeats: x, purchases after the first one.
        last: t_x, days from the first purchase to the last one; 0 without repeats.
        age: T, days from the first purchase to the day as of which it is told.
        customers: how many have this history.
    """

    repeats: Integers
    last: Integers
    age: Integers
    customers: Integers


@dataclass(frozen=True)
class BgNbd:
    """A fitted model. Methods return an array with a value for each row of the histories."""

    r: float
    alpha: float
    a: float
    b: float

    @property
    def at_limit(self) -> bool:
        """A parameter lies on the edge of what was searched: the data do not determine it."""
        logs = np.log([self.r, self.alpha, self.a, self.b])
        return bool(np.any((logs <= _LOWER + 1e-6) | (logs >= _UPPER - 1e-6)))

    def probability_alive(self, histories: Histories) -> Floats:
        """That the customer has not left for good.

        P. S. Fader, B. G. S. Hardie, Computing P(alive) Using the BG/NBD Model (2008).
        Who never bought again is alive: in this model one can only leave at a repeat purchase.
        """
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        alive: Floats = expit(-_log_odds_of_having_left(parameters, histories))
        return alive

    def probability_active(self, histories: Histories, days: int) -> Floats:
        """That the customer buys at least once in the coming days.

        Alive at T, a rate is gamma distributed with r + x and alpha + T, and the first purchase
        does not depend on leaving after it.
        """
        silent = self.alpha + histories.age
        none = (self.r + histories.repeats) * np.log(silent / (silent + days))
        active: Floats = self.probability_alive(histories) * -np.expm1(none)
        return active

    def expected_purchases(self, histories: Histories, days: int) -> Floats:
        """Expected purchases in the coming days.

        With rate l and leaving probability p it is (1 - exp(-l p days)) / p: averaged over the p
        of whoever is alive, Beta(a, b + x), and their l, Gamma(r + x, alpha + T). Fader, Hardie
        and Lee (2005) write it with a hypergeometric function, which overflows for large a, b or
        x; Gauss-Jacobi quadrature does not, and is needed for each pair of x and T only.
        """
        if_alive = np.empty(len(histories.repeats))
        for x in np.unique(histories.repeats):
            rows = histories.repeats == x
            leaving, weights = _beta_quadrature(self.a, self.b + float(x))
            ages, position = np.unique(histories.age[rows], return_inverse=True)
            reach = np.log1p(leaving * (days / (self.alpha + ages))[:, None])
            bought = -np.expm1(-(self.r + x) * reach) / leaving
            if_alive[rows] = (bought @ weights)[position]
        return if_alive * self.probability_alive(histories)


def fit(histories: Histories) -> BgNbd:
    """The parameters of the largest likelihood.

    Args:
        histories: of all customers, at least one of them with a repeat purchase.

    Raises:
        UnconvergedError: where the search ended is no maximum.
    """
    compact = _Compact.of(histories)
    at = np.log([1.0, max(float(np.mean(histories.age)), 1.0), 1.0, 2.0])
    steps = 0
    for _ in range(_SEARCHES):
        found = minimize(
            _objective,
            at,
            args=(compact,),
            jac=True,
            method="L-BFGS-B",
            bounds=[(_LOWER, _UPPER)] * 4,
            options={"maxiter": 500, "ftol": 0, "gtol": _GRADIENT_TOLERANCE / 10},
        )
        at, steps = found.x, steps + found.nit
        # At a limit only the way back inside counts.
        slope = np.abs(np.clip(at - found.jac, _LOWER, _UPPER) - at).max()
        if slope <= _GRADIENT_TOLERANCE:
            return BgNbd(*map(float, np.exp(at)))
    raise UnconvergedError(
        f"the fit did not converge in {steps} steps: {found.message} (gradient {slope:.1e})"
    )


@dataclass(frozen=True)
class _Compact:
    """Histories with what the likelihood needs of x alone computed for each x once."""

    histories: Histories
    counts: Floats
    counts_customers: Floats
    weights: Floats

    @classmethod
    def of(cls, histories: Histories) -> "_Compact":
        counts, position = np.unique(histories.repeats, return_inverse=True)
        weights = histories.customers / histories.customers.sum()
        return cls(
            histories,
            counts.astype(np.float64),
            np.bincount(position, weights=weights).astype(np.float64),
            weights,
        )


def _beta_quadrature(a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights of the mean over a beta distribution (Golub and Welsch 1969).

    SciPy's own are scaled by a beta function that is 0 for large a and b.
    """
    k, low, high = np.arange(_NODES), a - 1, b - 1
    total = 2 * k + low + high
    diagonal = np.full(_NODES, (low - high) / (low + high + 2))
    diagonal[1:] = (low**2 - high**2) / (total[1:] * (total[1:] + 2))
    squares = np.full(_NODES, 4 * a * b / ((a + b) ** 2 * (a + b + 1)))
    squares[2:] = 4 * k[2:] * (k[2:] + high) * (k[2:] + low) * (k[2:] + low + high)
    squares[2:] /= total[2:] ** 2 * (total[2:] + 1) * (total[2:] - 1)
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares[1:]))
    return np.clip((1 + nodes) / 2, 1e-12, 1), vectors[0] ** 2


def _log_odds_of_having_left(parameters: Floats, histories: Histories) -> Floats:
    """The ratio of the likelihood's two terms; minus infinity without repeats."""
    r, alpha, a, b = parameters
    x, repeated = histories.repeats, histories.repeats > 0
    silence = np.log((alpha + histories.age) / (alpha + histories.last))
    odds = np.log(a) - np.log(np.where(repeated, b + x - 1, 1)) + (r + x) * silence
    return np.where(repeated, odds, -np.inf)


def _objective(logs: Floats, compact: _Compact) -> tuple[float, Floats]:
    """The mean negative log-likelihood and its gradient, by the parameters' logarithms.

    Fader, Hardie, Lee (2005), written as sums over each x and over each history.
    """
    parameters = np.exp(logs)
    r, alpha, a, b = parameters
    histories, weights = compact.histories, compact.weights
    n, of_n = compact.counts, compact.counts_customers
    x, age, last = histories.repeats, alpha + histories.age, alpha + histories.last
    odds = _log_odds_of_having_left(parameters, histories)
    left = weights * expit(odds)
    log_age = np.log(age)

    by_count = gammaln(r + n) - gammaln(r) + betaln(a, b + n) - betaln(a, b)
    by_time = np.logaddexp(0, odds) - (r + x) * log_age
    likelihood = r * logs[1] + of_n @ by_count + weights @ by_time

    both = digamma(a + b) - digamma(a + b + n)
    by_r = logs[1] + of_n @ (digamma(r + n) - digamma(r)) - weights @ log_age
    by_r += left @ (log_age - np.log(last))
    by_alpha = r / alpha - weights @ ((r + x) / age) + left @ ((r + x) * (1 / age - 1 / last))
    by_a = of_n @ both + left.sum() / a
    by_b = of_n @ (digamma(b + n) - digamma(b) + both)
    by_b -= left @ (1 / np.where(x > 0, b + x - 1, 1))
    return -float(likelihood), -np.array([by_r, by_alpha, by_a, by_b]) * parameters
