"""The BG/NBD model against its own story: purchases drawn from it, and integrals over it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from rfm_platform.customers import bg_nbd
from rfm_platform.customers.bg_nbd import BgNbd, Histories, UnconvergedError, fit
from rfm_platform_tests.customers.purchases import Floats, Integrals, draw, histories_of

TRUTH = BgNbd(r=0.6, alpha=25, a=0.8, b=2.5)
CUSTOMERS, AS_OF, HORIZON = 20_000, 365, 90


@pytest.fixture(scope="module")
def drawn() -> tuple[Histories, np.ndarray, np.ndarray]:
    """Histories as of a day, and purchases and activity of each customer in the days after it."""
    purchases = draw(TRUTH, CUSTOMERS, AS_OF + 1 + HORIZON, births=AS_OF, seed=3)
    histories = histories_of(purchases, AS_OF, CUSTOMERS)
    after = histories_of(purchases, AS_OF + HORIZON, CUSTOMERS).repeats - histories.repeats
    return histories, after, after > 0


@pytest.mark.parametrize(
    "model",
    [
        TRUTH,
        BgNbd(0.5, 3, 0.3, 0.4),
        BgNbd(2, 10, 1, 3),
        BgNbd(1.2, 40, 3e4, 7e4),
        BgNbd(1, 9, 1e-4, 50),
    ],
    ids=["usual", "a + b < 1", "a = 1", "all alike", "nobody leaves"],
)
@pytest.mark.parametrize(
    ("x", "last", "age"), [(0, 0, 0), (0, 0, 200), (1, 0, 30), (3, 50, 60), (8, 90, 300)]
)
def test_probabilities_and_expectation_are_the_integrals_of_the_story(
    model: BgNbd, x: int, last: int, age: int
) -> None:
    integrals = Integrals(model)
    row = Histories(*(np.array([value]) for value in (x, last, age, 1)))

    def expected(of: Callable[[Floats, Floats], Floats | float]) -> object:
        return pytest.approx(integrals.mean(x, last, age, of), rel=2e-3, abs=1e-6)

    assert model.probability_alive(row)[0] == expected(lambda rate, leaving: 1.0)
    assert model.probability_active(row, 90)[0] == expected(
        lambda rate, leaving: -np.expm1(-rate * 90)
    )
    # Alive, one leaves at the rate × the leaving probability, and buys at the rate until then.
    assert model.expected_purchases(row, 90)[0] == expected(
        lambda rate, leaving: -np.expm1(-rate * leaving * 90) / leaving
    )


def test_planted_parameters_are_found_again(
    drawn: tuple[Histories, np.ndarray, np.ndarray],
) -> None:
    found = dataclasses.asdict(fit(drawn[0]))
    for name, planted in dataclasses.asdict(TRUTH).items():
        assert found[name] == pytest.approx(planted, rel=0.15), found


def test_the_fit_is_the_top_of_the_integrated_likelihood() -> None:
    """By quadrature over the story, which shares nothing with the likelihood that was climbed."""
    purchases = draw(TRUTH, 150, 200, births=150, seed=4)
    histories = histories_of(purchases, 199, 150)
    rows = np.stack([histories.repeats, histories.last, histories.age]).T

    def likelihood(model: BgNbd) -> float:
        integrals = Integrals(model, nodes=150)
        return float(sum(np.log(integrals.likelihood(*map(int, row))) for row in rows))

    top = fit(histories)
    best = likelihood(top)
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.8, 1.25):
            other = dataclasses.replace(top, **{name: factor * getattr(top, name)})
            assert likelihood(other) < best, (name, factor)


def test_customers_with_the_same_history_may_be_one_weighted_row(
    drawn: tuple[Histories, np.ndarray, np.ndarray],
) -> None:
    each = np.stack([drawn[0].repeats, drawn[0].last, drawn[0].age])
    distinct, customers = np.unique(each, axis=1, return_counts=True)
    grouped = Histories(distinct[0], distinct[1], distinct[2], customers)
    weighted = dataclasses.asdict(fit(grouped))
    assert weighted == pytest.approx(dataclasses.asdict(fit(drawn[0])), rel=1e-3)


def test_the_forecast_is_calibrated_in_every_decile(
    drawn: tuple[Histories, np.ndarray, np.ndarray],
) -> None:
    histories, purchases, active = drawn
    model = fit(histories)
    expected = model.expected_purchases(histories, HORIZON)
    probability = model.probability_active(histories, HORIZON)
    for decile in np.array_split(np.argsort(expected), 10):
        said, was = expected[decile].sum(), purchases[decile].sum()
        # Purchases of a customer vary more than a Poisson count: rates differ.
        assert abs(said - was) < 5 * np.sqrt(said + 1) + 0.06 * said, (said, was)
        said, was = probability[decile].sum(), active[decile].sum()
        assert abs(said - was) < 5 * np.sqrt(said + 1), (said, was)


def test_a_search_that_ends_before_the_top_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = histories_of(draw(TRUTH, 500, 200, births=150, seed=5), 199, 500)

    def impatient(*arguments: object, options: dict[str, float], **others: object) -> object:
        return minimize(*arguments, options=options | {"maxiter": 2}, **others)

    monkeypatch.setattr(bg_nbd, "minimize", impatient)
    with pytest.raises(UnconvergedError, match="did not converge in 6 steps"):
        fit(histories)


def test_nobody_who_leaves_is_a_model_at_its_limit_and_not_a_failure() -> None:
    stays = BgNbd(r=1.5, alpha=30, a=1e-4, b=10)
    histories = histories_of(draw(stays, 3_000, 300, births=200, seed=6), 299, 3_000)
    model = fit(histories)
    assert model.a / (model.a + model.b) < 0.01
    assert model.r == pytest.approx(1.5, rel=0.2)
