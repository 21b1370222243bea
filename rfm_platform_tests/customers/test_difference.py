"""The estimator of campaign effects: against weighted least squares, and its interval against what
it promises, over many simulated campaigns whose effect is known."""

import math
from collections import Counter

import numpy as np
import pytest

from rfm_platform.customers.campaign_comparison import Row, compare
from rfm_platform.customers.difference import Effects, Floats, Ints, Panel, Strata, effects

SIMULATIONS, NOMINAL, CELLS = 300, 0.95, 6
EFFECT = 0.4


def _simulate(seed: int, customers: int = 600) -> tuple[Panel, Ints]:
    """A campaign that adds EFFECT orders a customer, sent rather to cells that grow anyway."""
    chance = np.random.default_rng(seed)
    cell = chance.integers(0, CELLS, customers)
    targeted = chance.random(customers) < 0.2 + 0.1 * cell
    taste = chance.gamma(2.0, 0.5, customers) * (1 + cell)
    before = chance.poisson(taste).astype(float)
    then = chance.poisson(taste * (1 + 0.1 * cell) + EFFECT * targeted).astype(float)
    return Panel(targeted, before[:, None], then[:, None]), cell


def _all(panel: Panel, cell: Ints, seed: int = 1, resamples: int = 300) -> Effects:
    (found,) = effects(panel, [Strata(cell, np.zeros(CELLS, int), 1)], seed, resamples)
    return found


def _at_most(hits: int) -> float:
    """Probability of so many hits or fewer, if the interval kept its promise."""
    return sum(
        math.comb(SIMULATIONS, k) * NOMINAL**k * (1 - NOMINAL) ** (SIMULATIONS - k)
        for k in range(hits + 1)
    )


def test_the_interval_holds_a_planted_effect_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(SIMULATIONS):
        found = _all(*_simulate(seed), seed=seed)
        hits += bool(found.low[0, 0] <= EFFECT <= found.high[0, 0])
    assert 0.001 < _at_most(hits) < 0.999, hits


def test_an_interval_that_forgets_the_comparisons_chance_would_be_found_out() -> None:
    """The coverage test can fail: half the width does not pass it."""
    hits = 0
    for seed in range(SIMULATIONS):
        found = _all(*_simulate(seed), seed=seed, resamples=60)
        half = (found.high - found.low)[0, 0] / 4
        hits += bool(abs(found.effect[0, 0] - EFFECT) <= half)
    assert _at_most(hits) < 1e-6, hits


def test_the_estimate_is_that_of_weighted_least_squares() -> None:
    panel, cell = _simulate(7)
    found = _all(panel, cell)
    weight = np.ones(len(cell))
    for one in range(CELLS):
        here = cell == one
        others = here & ~panel.targeted
        weight[others] = (here & panel.targeted).sum() / others.sum()
    root = np.sqrt(weight)
    columns = np.column_stack((np.ones(len(cell)), panel.targeted.astype(np.float64)))
    design: Floats = (columns * root[:, None]).astype(np.float64)
    change: Floats = ((panel.then - panel.before)[:, 0] * root).astype(np.float64)
    (_, slope), *_ = np.linalg.lstsq(design, change, rcond=None)
    assert found.effect[0, 0] == pytest.approx(slope, rel=1e-9)
    others = weight[~panel.targeted]
    assert found.effective[0] == pytest.approx(others.sum() ** 2 / (others**2).sum())
    assert found.targeted[0] == panel.targeted.sum()
    naive = (panel.then - panel.before)[:, 0]
    assert found.effect[0, 0] != pytest.approx(
        naive[panel.targeted].mean() - naive[~panel.targeted].mean(), rel=0.02
    ), "the simulated campaign needs no matching, so this test shows nothing"


def test_the_interval_is_as_wide_as_the_formula_for_large_samples_says() -> None:
    panel, cell = _simulate(11, customers=6000)
    found = _all(panel, cell, resamples=1000)
    change = (panel.then - panel.before)[:, 0]
    variance = 0.0
    treated = panel.targeted.sum()
    gaps, sizes = [], []
    for one in range(CELLS):
        t, c = (change[(cell == one) & (panel.targeted == arm)] for arm in (True, False))
        variance += len(t) ** 2 * (t.var(ddof=1) / len(t) + c.var(ddof=1) / len(c))
        gaps.append(t.mean() - c.mean())
        sizes.append(len(t))
    # The shares of the cells vary from sample to sample as well.
    between = np.average((np.array(gaps) - found.effect[0, 0]) ** 2, weights=sizes)
    deviation = math.sqrt(variance / treated**2 + between / treated)
    assert (found.high - found.low)[0, 0] == pytest.approx(2 * 1.96 * deviation, rel=0.1)


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    panel, cell = _simulate(3)
    one, same, other = (_all(panel, cell, seed=seed) for seed in (1, 1, 2))
    assert (one.low == same.low).all()
    assert (one.high == same.high).all()
    assert one.low != other.low
    assert one.effect == other.effect


def test_a_customer_without_a_like_is_left_out_of_both_sides() -> None:
    panel, cell = _simulate(5)
    lonely = cell.copy()
    lonely[:] = np.where(panel.targeted & (cell == 0), CELLS - 1, cell)
    alone = Panel(panel.targeted & (cell != 0), panel.before, panel.then)
    found = _all(alone, cell)
    here = cell != 0
    expected = _all(Panel(alone.targeted[here], panel.before[here], panel.then[here]), cell[here])
    assert found.effect == pytest.approx(expected.effect)
    assert found.comparison[0] == (~panel.targeted & here).sum()


def test_groups_that_are_unions_of_strata_average_to_the_whole() -> None:
    panel, cell = _simulate(9)
    halves = Strata(cell, np.arange(CELLS) // 3, 2)
    whole, parts = effects(panel, [Strata(cell, np.zeros(CELLS, int), 1), halves], 1, 50)
    assert parts.targeted.sum() == whole.targeted[0]
    mean = np.average(parts.effect[:, 0], weights=parts.targeted)
    assert whole.effect[0, 0] == pytest.approx(mean)


def test_nobody_to_compare_is_no_number_and_no_error() -> None:
    panel, cell = _simulate(2)
    found = _all(Panel(np.zeros_like(panel.targeted), panel.before, panel.then), cell)
    assert found.targeted[0] == 0
    assert np.isnan(found.effect[0, 0])
    empty = np.empty((0, 1))
    found = _all(Panel(np.empty(0, bool), empty, empty), np.empty(0, int))
    assert np.isnan(found.low[0, 0])


def _shop(seed: int, *, by_orders: bool, effect: float = 0.0, customers: int = 3000) -> list[Row]:
    """The answers about a campaign in a shop whose customers buy as much as ever.

    Args:
        by_orders: sent rather to who bought much lately, else to whom chance chose.
        effect: orders that it adds for each customer reached.
    """
    chance = np.random.default_rng(seed)
    taste = chance.gamma(2.0, 1.5, customers)
    before, then = (chance.poisson(taste).astype(float) for _ in range(2))
    cell = np.searchsorted(np.quantile(before, (0.25, 0.75)), before)
    share = 0.1 + 0.5 * before.argsort().argsort() / customers if by_orders else 0.3
    targeted = chance.random(customers) < share
    then += chance.poisson(effect, customers) * targeted
    names = {"cohort": "2024-01", "segment": "Everybody"}
    columns = {name: np.full(customers, value, dtype=object) for name, value in names.items()}
    columns |= {"cell": cell, "targeted": targeted, "excluded_during": np.zeros(customers, bool)}
    for window, orders in (("before", before), ("during", then)):
        columns |= {f"orders_{window}": orders, f"revenue_{window}": orders * 7}
    rows = compare(columns, "during", seed, 50)
    return [row for row in rows if (row["breakdown"], row["outcome"]) == ("all", "orders")]


def _verdicts(*, by_orders: bool, effect: float = 0.0) -> Counter[str]:
    return Counter(
        row["verdict"]
        for seed in range(50)
        for row in _shop(seed, by_orders=by_orders, effect=effect)
    )


def test_a_campaign_without_effect_that_chance_sent_is_seldom_told_to_have_one() -> None:
    verdicts = _verdicts(by_orders=False)
    assert verdicts["higher"] + verdicts["lower"] <= 8, verdicts
    assert verdicts["unclear"] >= 38, verdicts


def test_a_campaign_with_an_effect_that_chance_sent_is_told_to_have_it() -> None:
    verdicts = _verdicts(by_orders=False, effect=0.5)
    assert verdicts["higher"] >= 38, verdicts
    assert not verdicts["lower"], verdicts


def test_who_was_chosen_for_recent_orders_is_not_told_to_have_been_put_off() -> None:
    """Regression to the mean: heavy buyers of a window buy less in the next one anyway."""
    verdicts = _verdicts(by_orders=True)
    assert verdicts["not_alike"] >= 40, verdicts
    assert verdicts["lower"] <= 2, verdicts
