"""The estimator of campaign effects: against weighted least squares, and its interval against what
it promises, over many simulated campaigns whose effect is known."""

import math
from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from rfm_platform.customers.balance import UNLIKELY, _Sides, _surprise, balance
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


def test_a_campaign_sent_by_chance_to_few_who_buy_is_not_told_to_have_met_others() -> None:
    """A one-day sale: sides on which nobody had ordered in the window before are alike, too."""
    verdicts: Counter[str] = Counter()
    effects_told = []
    none_before = 0
    for seed in range(200):
        chance = np.random.default_rng(seed)
        targeted = np.arange(5500) < 500
        before, then = (chance.poisson(rate, 5500).astype(float) for rate in (0.003, 0.01))
        none_before += not before[targeted].any()
        row = _orders_row(targeted, before, then, seed)
        verdicts[row["verdict"]] += 1
        if "effect" in row:
            effects_told.append(row["effect"])
    assert none_before >= 30, "this test shows nothing"
    answered = len(effects_told)
    assert answered >= 150, verdicts
    assert verdicts["not_alike"] <= 0.09 * (answered + verdicts["not_alike"]), verdicts
    assert verdicts["lower"] + verdicts["higher"] <= 0.09 * answered, verdicts
    error = np.std(effects_told) / math.sqrt(answered)
    assert abs(np.mean(effects_told)) < 2.5 * error, (np.mean(effects_told), error)


def _orders_row(targeted: NDArray[np.bool_], before: Floats, then: Floats, seed: int = 1) -> Row:
    return _rows(targeted, before, then, seed, 1.0)["orders"]


def _rows(
    targeted: NDArray[np.bool_], before: Floats, then: Floats, seed: int, basket: float | Floats
) -> dict[str, Row]:
    columns = {name: np.full(len(targeted), "one", object) for name in ("cohort", "segment")}
    columns |= {"cell": np.zeros(len(targeted), int), "targeted": targeted}
    columns |= {"excluded_during": np.zeros(len(targeted), bool)}
    for window, orders in (("before", before), ("during", then)):
        columns |= {f"orders_{window}": orders, f"revenue_{window}": orders * basket}
    rows = compare(columns, "during", seed, 50)
    return {row["outcome"]: row for row in rows if row["breakdown"] == "all"}


def test_where_next_to_nothing_was_ordered_there_is_no_answer() -> None:
    targeted = np.arange(5500) < 500
    before, then = np.zeros(5500), np.zeros(5500)
    then[:3] = before[1000:1020] = 1
    row = _orders_row(targeted, before, then)
    assert row["verdict"] == "too_few"
    assert "targeted would hold what 2.1 customers with equal orders are worth" in row["reason"]
    assert "effect" not in row


def test_many_orders_of_the_reached_alone_are_an_answer() -> None:
    """Fewer than five would be expected of them: fifteen are no chance."""
    targeted = np.arange(5500) < 100
    before, then = np.zeros(5500), np.zeros(5500)
    then[:15] = before[1000:1020] = then[2000:2020] = 1
    assert _orders_row(targeted, before, then)["verdict"] == "higher"
    then[0] = 0
    assert _orders_row(targeted, before, then)["verdict"] == "too_few"


def test_who_had_gone_is_compared_although_nobody_had_ordered_before() -> None:
    """Winning back: cells of who was long away hold no order before, on either side."""
    targeted = np.arange(1000) < 300
    then = np.zeros(1000)
    then[:60] = then[300:320] = 1
    assert _orders_row(targeted, np.zeros(1000), then)["verdict"] == "higher"


def test_a_revenue_that_a_few_baskets_carry_has_no_answer() -> None:
    chance = np.random.default_rng(4)
    targeted = np.arange(2000) < 1000
    before, then = (chance.poisson(0.01, 2000).astype(float) for _ in range(2))
    basket = np.where(np.arange(2000) % 500 == np.flatnonzero(before)[0] % 500, 1000.0, 1.0)
    rows = _rows(targeted, before, then, 1, basket)
    assert rows["orders"]["verdict"] != "too_few"
    assert rows["revenue"]["verdict"] == "too_few"


@pytest.mark.parametrize("sizes", [((2, 1), (3, 3)), ((1, 4), (2, 2)), ((1, 1), (1, 5))])
def test_the_moments_of_the_gap_are_those_of_every_choice_of_the_targeted(
    sizes: tuple[tuple[int, int], ...],
) -> None:
    """By enumeration: each way to choose the targeted within the strata is as likely."""
    chance = np.random.default_rng(6)
    at = np.repeat(np.arange(len(sizes)), [sum(size) for size in sizes])
    values = chance.lognormal(0, 1, len(at))
    of_stratum, of_targeted = (
        np.array(some) for some in ([*map(sum, sizes)], [n for n, _ in sizes])
    )
    choices = [[*combinations(np.flatnonzero(at == n), size[0])] for n, size in enumerate(sizes)]
    gaps, told = [], []
    for chosen in product(*choices):
        targeted = np.zeros(len(at), bool)
        targeted[[who for some in chosen for who in some]] = True
        gaps.append(
            sum(
                (values[(at == n) & targeted].mean() - values[(at == n) & ~targeted].mean())
                * size[0]
                for n, size in enumerate(sizes)
            )
            / of_targeted.sum()
        )
        sides = _Sides(targeted, at, of_stratum, of_targeted)
        moments = sides.gap(values[:, None], np.zeros(len(sizes), int), 1)
        told.append([moment.sum() for moment in moments])
    assert np.array(told)[:, 0] == pytest.approx(np.array(gaps))
    assert np.mean(gaps) == pytest.approx(0, abs=1e-12)
    assert told[0][1] == pytest.approx(np.mean(np.square(gaps)))
    assert told[0][2] == pytest.approx(np.mean(np.power(gaps, 3)))


def test_a_gap_that_is_refused_is_one_in_twenty_and_leaves_the_mean_of_the_others() -> None:
    """Of a skewed distribution whose quantiles are known: a sum of exponential ones."""
    drawn = np.random.default_rng(8).gamma(3.0, 1.0, (200_000, 1)) - 3
    surprise = _surprise(drawn, np.full_like(drawn, 3.0), np.full_like(drawn, 6.0))
    stays = drawn[surprise <= UNLIKELY]
    assert 1 - len(stays) / len(drawn) == pytest.approx(0.05, abs=0.003)
    assert stays.mean() == pytest.approx(0, abs=0.02)
    assert abs(drawn[np.abs(drawn) < 1.96 * math.sqrt(3)].mean()) > 0.1, "this shows nothing"
    mirrored = _surprise(-drawn, np.full_like(drawn, 3.0), np.full_like(drawn, -6.0))
    assert mirrored == pytest.approx(surprise)
    straight = _surprise(drawn, np.full_like(drawn, 3.0), np.zeros_like(drawn))
    assert straight == pytest.approx(drawn**2 / 3)


def test_sides_whose_customers_do_not_differ_are_alike() -> None:
    panel, cell = _simulate(2)
    for same in (0.0, 0.1):
        before = np.full_like(panel.before, same)
        found = balance(Panel(panel.targeted, before, panel.then), Strata(cell, cell * 0, 1))
        assert found.is_balanced.all()
