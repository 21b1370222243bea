"""Forecast and back-test through the assets, against loops over the mart's lines."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pytest

from rfm_platform.assets.forecast import forecast_assets
from rfm_platform.calendar import days_between
from rfm_platform.checks.forecast import forecast_checks
from rfm_platform.customers import bg_nbd, forecast
from rfm_platform.customers.bg_nbd import BgNbd, Histories, UnconvergedError, fit
from rfm_platform.partitions import daily_partitions
from rfm_platform_tests.customers.conftest import Chain, line
from rfm_platform_tests.customers.purchases import draw
from rfm_platform_tests.oracle import Line, Row

START, FORECAST, AS_OF = dt.date(2024, 1, 1), dt.date(2024, 4, 16), dt.date(2024, 7, 15)
HORIZON = 90
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Customer = tuple[Any, Any]
Bought = dict[Customer, dict[dt.date, set[Any]]]


def _lines(customers: int = 400) -> list[Line]:
    """Drawn from the model; some days with two orders, some orders in two shops, some not valid."""
    purchases = draw(BgNbd(1.0, 25, 0.8, 3), customers, 197, births=150, seed=8)
    chance = random.Random(8)  # noqa: S311 - the same orders each time
    made = []
    for n, (who, time) in enumerate(zip(purchases.customer, purchases.time, strict=True)):
        at = f"{START + dt.timedelta(days=int(time))} 12:00"
        others: dict[str, Any] = {"marketplace": ("shopee", "lazada")[who % 2]}
        if chance.random() < 0.05:
            others[chance.choice(["cancelled_flag", "returned_flag"])] = "true"
        if chance.random() < 0.02:
            others["cancelled_flag"] = "who knows"
        made.append(line(at, f"u{who}", f"o{n}", **others))
        if chance.random() < 0.1:
            made.append(line(at, f"u{who}", f"o{n}", **others | {"shop_id": "T"}))
        if chance.random() < (0.5 if who % 5 == 0 else 0.05):
            made.append(line(at, f"u{who}", f"o{n}b", **others))
    nobody = [line(f"{AS_OF} 12:00", user, f"n{user}") for user in (None, "")]
    return [*made, *nobody]


@dataclass(frozen=True)
class Made:
    """What the assets of a day published, and what they and their checks said."""

    forecast: list[Row]
    backtest: list[Row]
    said: dict[str, dict[str, Any]]
    checks: dict[str, dg.AssetCheckEvaluation]


def _load(chain: Chain, lines: Sequence[Line], as_of: dt.date) -> None:
    """Only days with lines are loaded: the others have no rows."""
    days = sorted({each.create_timestamp.date() for each in lines if each.create_timestamp})
    chain.start_anew()
    chain.fill(lines)
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, days)
    chain.fold(days[0], days[-1])
    chain.snapshot(as_of)


def _make(chain: Chain, as_of: dt.date) -> Made:
    daily = daily_partitions(chain.platform.settings)
    result = dg.materialize(
        [*forecast_assets(daily), *forecast_checks(daily)],
        partition_key=as_of.isoformat(),
        instance=dg.DagsterInstance.ephemeral(),
        resources={"platform": chain.platform},
        run_config=QUIET,
    )
    said = {}
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        values = {name: each.value for name, each in materialization.metadata.items()}
        said[materialization.asset_key.to_user_string()] = values

    def rows(table: str) -> list[Row]:
        return chain.platform.warehouse.rows(
            f"SELECT * FROM rfm.{table}_snapshots WHERE as_of_date = %(day)s", {"day": as_of}
        )

    return Made(
        rows("next_purchase"),
        sorted(rows("next_purchase_backtest"), key=lambda row: row["decile"]),
        said,
        {each.check_name: each for each in result.get_asset_check_evaluations()},
    )


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return _lines()


@pytest.fixture(scope="module")
def made(chain: Chain, lines: list[Line]) -> Made:
    _load(chain, lines, AS_OF)
    return _make(chain, AS_OF)


def _bought(lines: Sequence[Line], first: dt.date, last: dt.date) -> Bought:
    """Each customer's valid orders by day."""
    found: Bought = defaultdict(lambda: defaultdict(set))
    for each in lines:
        assert each.create_timestamp is not None
        day = each.create_timestamp.date()
        is_valid = (each.cancelled_flag, each.returned_flag) == ("false", "false")
        if is_valid and each.user_id and first <= day <= last:
            found[each.marketplace, each.user_id][day].add(each.order_id)
    return found


def _history(days: dict[dt.date, set[Any]], as_of: dt.date) -> tuple[int, int, int]:
    first = min(days)
    return len(days) - 1, (max(days) - first).days, (as_of - first).days


def _forecast(bought: Bought, as_of: dt.date) -> tuple[list[float], list[float]]:
    """Expected orders and the probability of any, customer by customer, without grouping."""
    rows = [_history(days, as_of) for days in bought.values()]
    repeats, last, age = np.array(rows).T
    histories = Histories(repeats, last, age, np.ones(len(rows), dtype=int))
    model = fit(histories)
    # Orders beyond one on each repeat day: a customer's own mean, drawn towards everybody's.
    extra = np.array(
        [sum(len(orders) - 1 for _, orders in sorted(days.items())[1:]) for days in bought.values()]
    )
    mean = extra.sum() / repeats.sum()
    spread = ((extra - repeats * mean) ** 2 - repeats * mean).sum() / (repeats**2).sum()
    assert spread > 0, "the moments are those of a mixture"
    trust = mean / spread
    own = 1 + (extra + trust * mean) / (repeats + trust)
    return (
        list(own * model.expected_purchases(histories, HORIZON)),
        list(model.probability_active(histories, HORIZON)),
    )


def test_each_scored_customer_has_the_forecast_of_their_own_lines(
    chain: Chain, made: Made, lines: list[Line]
) -> None:
    bought = _bought(lines, START, AS_OF)
    expected = {
        who: (*_history(days, AS_OF), pytest.approx(orders, rel=1e-3), pytest.approx(active, 1e-3))
        for (who, days), orders, active in zip(
            bought.items(), *_forecast(bought, AS_OF), strict=True
        )
    }
    columns = ("repeat_purchases", "last_purchase", "age", "expected_orders", "probability_active")
    found = {
        (row["marketplace"], row["user_id"]): tuple(row[column] for column in columns)
        for row in made.forecast
    }
    assert found == expected
    scored = chain.tables(AS_OF)["rfm_scores_snapshots"]
    assert len(made.forecast) == len(scored)
    assert found.keys() == {(row["marketplace"], row["user_id"]) for row in scored}
    assert made.checks["every_scored_customer_is_forecast"].passed
    assert all(
        0 <= row["probability_active"] <= row["probability_alive"] <= 1 for row in made.forecast
    )
    assert made.said["next_purchase"]["forecast"].startswith("BG/NBD, converged")


def test_the_view_shows_the_newest_forecast(chain: Chain, made: Made) -> None:
    (row,) = chain.platform.warehouse.rows("SELECT COUNT(*) AS customers FROM rfm.next_purchase")
    assert row["customers"] == len(made.forecast)


def test_the_backtest_is_what_loops_over_the_lines_find(made: Made, lines: list[Line]) -> None:
    before = _bought(lines, START, FORECAST)
    since = _bought(lines, FORECAST + dt.timedelta(days=1), AS_OF)
    customers = []
    for (who, days), orders, active in zip(
        before.items(), *_forecast(before, FORECAST), strict=True
    ):
        counts = [len(some) for _, some in sorted(days.items())]
        seen = max(_history(days, FORECAST)[2], HORIZON)
        own = HORIZON * sum(counts[1:]) / seen
        own_active = 1 - float(np.exp(-HORIZON * (len(counts) - 1) / seen))
        came = sum(map(len, since[who].values())) if who in since else 0
        customers.append((-orders, who, active, own, own_active, came))
    mean, mean_active = (float(np.mean([each[n] for each in customers])) for n in (3, 4))
    deciles = np.array_split(np.arange(len(customers)), 10)
    # Those that the model says the same of are in order of their names, as in the table.
    ranked = sorted(customers, key=lambda each: (round(each[0], 9), each[1]))
    assert [row["decile"] for row in made.backtest] == list(range(1, 11))
    for row, places in zip(made.backtest, deciles, strict=True):
        tenth = [ranked[n] for n in places]
        forecasts = {
            "model": [(-each[0], each[2]) for each in tenth],
            "own_rate": [(each[3], each[4]) for each in tenth],
            "mean": [(mean, mean_active)] * len(tenth),
        }
        outcomes = [each[5] for each in tenth]
        assert row["forecast_date"] == FORECAST
        assert (row["customers"], row["actual_orders"]) == (len(tenth), sum(outcomes))
        assert row["forecast_orders"] == pytest.approx(-sum(each[0] for each in tenth), rel=1e-3)
        assert row["forecast_active_share"] == pytest.approx(
            np.mean([each[2] for each in tenth]), rel=1e-3
        )
        assert row["actual_active_share"] == pytest.approx(np.mean([n > 0 for n in outcomes]))
        for name, pairs in forecasts.items():
            off = [said - was for (said, _), was in zip(pairs, outcomes, strict=True)]
            missed = [said - (was > 0) for (_, said), was in zip(pairs, outcomes, strict=True)]
            for column, value in (
                (f"absolute_error_{name}", np.mean(np.abs(off))),
                (f"squared_error_{name}", np.mean(np.square(off))),
                (f"brier_score_{name}", np.mean(np.square(missed))),
            ):
                assert row[column] == pytest.approx(value, rel=2e-3), column
    came_of = np.array([each[5] for each in customers])
    errors = {
        "squared": (
            (np.array([-each[0] for each in customers]) - came_of) ** 2,
            {"own_rate": [each[3] for each in customers], "mean": mean},
            came_of,
        ),
        "brier": (
            (np.array([each[2] for each in customers]) - (came_of > 0)) ** 2,
            {"own_rate": [each[4] for each in customers], "mean": mean_active},
            came_of > 0,
        ),
    }
    for error, (of_model, baselines, outcome) in errors.items():
        for name, said in baselines.items():
            gain = of_model - (np.asarray(said) - outcome) ** 2
            noise = np.std(gain, ddof=1) / np.sqrt(len(gain))
            (found,) = {row[f"{error}_noise_{name}"] for row in made.backtest}
            assert found == pytest.approx(noise, rel=5e-3), (error, name)


def test_where_customers_go_on_as_before_the_forecast_keeps_up(
    made: Made,
) -> None:
    check = made.checks["forecast_keeps_up_with_baselines"]
    assert check.passed, check.description
    assert len(made.backtest) == 10
    assert "does not lose" in str(check.description)


def test_a_forecast_that_loses_to_a_baseline_is_warned_of(chain: Chain) -> None:
    """Who bought every ten days stops, who bought once comes back: worse than knowing nobody."""
    every = days_between(START, FORECAST)[::10]
    after = days_between(FORECAST, AS_OF)[1::10]
    turned = [
        line(f"{day} 10:00", f"regular{n}", f"{n}-{day}") for n in range(120) for day in every
    ]
    turned += [line(f"{every[0]} 10:00", f"once{n}", f"once{n}") for n in range(120)]
    turned += [
        line(f"{day} 10:00", f"once{n}", f"once{n}-{day}") for n in range(120) for day in after
    ]
    _load(chain, turned, AS_OF)
    check = _make(chain, AS_OF).checks["forecast_keeps_up_with_baselines"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "loses to a baseline" in str(check.description)
    assert "the mean of all" in str(check.description)


@pytest.mark.parametrize(
    ("last", "customers", "reason"),
    [
        ("2024-03-29", 300, "89 days of orders up to 2024-03-29, fewer than 90"),
        ("2024-06-30", 99, "99 customers bought on a second day up to 2024-06-30, fewer than 100"),
    ],
    ids=["too short", "too few"],
)
def test_with_too_little_data_nothing_is_published_and_the_reason_is_said(
    chain: Chain, last: str, customers: int, reason: str
) -> None:
    _load(
        chain,
        [
            line(f"{day} 10:00", f"u{n}", f"{n} {day}")
            for n in range(customers)
            for day in (START.isoformat(), last)
        ],
        dt.date.fromisoformat(last),
    )
    made = _make(chain, dt.date.fromisoformat(last))
    assert made.said["next_purchase"]["forecast"] == f"withheld: {reason}"
    assert made.forecast == []
    assert made.backtest == []
    assert all(check.passed for check in made.checks.values())
    assert all("Nothing to compare" in str(check.description) for check in made.checks.values())


def test_a_customer_who_is_forecast_and_not_scored_is_an_error(
    chain: Chain, lines: list[Line]
) -> None:
    """An order came after the scores were made: the two tables are of different lines."""
    _load(chain, lines, AS_OF)
    chain.fill([*lines, line(f"{AS_OF} 10:00", "late", "late")])
    chain.load(AS_OF, AS_OF)
    check = _make(chain, AS_OF).checks["every_scored_customer_is_forecast"]
    assert not check.passed
    said = "1 customers are forecast and not scored, 0 scored and not forecast"
    assert said in str(check.description)


def test_a_fit_that_does_not_converge_publishes_nothing_and_says_so(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Histories) -> BgNbd:
        raise UnconvergedError("the fit did not converge in 3 steps")

    monkeypatch.setattr(bg_nbd, "fit", fails)
    _load(chain, _lines(200), AS_OF)
    made = _make(chain, AS_OF)
    assert made.said["next_purchase"]["forecast"] == (
        "withheld: the fit did not converge in 3 steps"
    )
    assert (made.forecast, made.backtest) == ([], [])


def test_a_parameter_at_its_limit_is_said() -> None:
    said = [
        forecast.Basis(500, 200, model=BgNbd(1.0, 30.0, a, 10.0)).facts()["forecast"]
        for a in (1e-4, 0.5)
    ]
    assert said == ["BG/NBD, converged; a parameter is at its limit", "BG/NBD, converged"]
