"""A year of invented days with planted anomalies: what is found, and what is cried over nothing."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfm_platform.calendar import days_between
from rfm_platform.checks.drift import find_unusual, picture
from rfm_platform.demo import synthetic
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.drift import MOST_DEVIATIONS, Judgement, Limits, Unusual
from rfm_platform.reconcile.drift import judge as judge_days
from rfm_platform.reconcile.history import figures_of_days
from rfm_platform.reconcile.season import Season, SeasonError, load_season
from rfm_platform.reconcile.stability import history_growth, moved_thresholds, population_stability
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

END = day("2024-12-31")
FIRST = day("2024-01-01")
ON = (
    " WHERE create_timestamp >= %(day)s AND create_timestamp < %(day)s::date + 1 "
    "AND marketplace = %(marketplace)s AND ABS(HASHTEXT(order_id)) %% 100 < %(share)s"
)
TABLE = "flatten_order_marketplace"
# What goes wrong, with how much of a marketplace's day.
ANOMALIES = {
    "an outage": (f"DELETE FROM {TABLE}" + ON, 60),
    "loaded twice": (
        f"INSERT INTO {TABLE} SELECT (jsonb_populate_record(l, jsonb_build_object('order_id', "
        f"order_id || '-again'))).* FROM {TABLE} AS l" + ON,
        100,
    ),
    "cancellations": (f"UPDATE {TABLE} SET cancelled_flag = 'true'" + ON, 25),
    "returns": (f"UPDATE {TABLE} SET returned_flag = 'true'" + ON, 20),
    "unknown flags": (f"UPDATE {TABLE} SET cancelled_flag = 'oops'" + ON, 15),
    "customers gone": (f"UPDATE {TABLE} SET user_id = NULL" + ON, 15),
    "a price bug": (f"UPDATE {TABLE} SET product_gmv_amount = product_gmv_amount * 10" + ON, 100),
    "customers re-keyed": (f"UPDATE {TABLE} SET user_id = user_id || '-new'" + ON, 100),
}
DAYS_EACH = 4


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    return new_chain(server, tmp_path)


def read(chain: Chain, days: list[dt.date]) -> None:
    platform = chain.platform
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, days)
    platform.transforms.fold_months(sorted({each.replace(day=1) for each in days}))


def test_planted_anomalies_are_found_and_ordinary_days_are_left_alone(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Measured by day: precision, and recall of the days on which something was planted."""
    chain = new_chain(server, tmp_path, start_date=FIRST, end_date=END)
    synthetic.load(chain.mart, lines=400_000, days=366, end_date=END)
    season = load_season()
    ordinary = [
        each
        for each in days_between(FIRST + dt.timedelta(weeks=8), END)
        if not season.is_excused(each)
    ]
    chosen = ordinary[3 :: len(ordinary) // (DAYS_EACH * len(ANOMALIES))][
        : DAYS_EACH * len(ANOMALIES)
    ]
    planted = dict(zip(chosen, list(ANOMALIES) * DAYS_EACH, strict=True))
    with chain.mart.connect() as connection:
        for number, (on, what) in enumerate(planted.items()):
            statement, share = ANOMALIES[what]
            marketplace = ("shopee", "tokopedia")[number % 2]
            connection.execute(
                statement.encode(), {"day": on, "share": share, "marketplace": marketplace}
            )
    read(chain, days_between(FIRST, END))
    found = find_unusual(chain.platform, ordinary)
    told = {on for on, judgement in found.items() if judgement.unusual}
    missed = {on: what for on, what in planted.items() if on not in told}
    false = {on: found[on].unusual[0].sentence for on in told - planted.keys()}
    precision = 1 - len(false) / len(told)
    recall = 1 - len(missed) / len(planted)
    print(f"precision {precision:.2f}, recall {recall:.2f} over {len(ordinary)} days")
    print(missed, false)
    assert precision >= 0.9, false
    assert recall >= 0.9, missed


def figures(on: dt.date, orders: int, **others: Any) -> dict[str, Any]:
    return {
        "day": on,
        "marketplace": "shopee",
        "shop_id": None,
        "is_all": True,
        "is_all_shops": True,
        "lines": orders,
        "orders": orders,
        "valid_orders": orders,
        "cancelled": 0,
        "returned": 0,
        "gmv_base": orders * 100,
        "unknown": 0,
        "without_customer": 0,
        "customers": orders,
        "new_customers": orders // 2,
    } | others


ORDINARY = Season(())
LIMITS = Limits()
HISTORY = [figures(day("06-03") + dt.timedelta(weeks=n), 1000 + n) for n in range(4)]
TODAY = day("06-03") + dt.timedelta(weeks=4)


def unusual(
    rows: list[dict[str, Any]], days: list[dt.date], season: Season, limits: Limits
) -> dict[dt.date, list[Unusual]]:
    return {on: [*each.unusual] for on, each in judge_days(rows, days, season, limits).items()}


def judge(today: dict[str, Any] | None, limits: Limits = LIMITS) -> list[str]:
    rows = [*HISTORY, *([today] if today else [])]
    return [each.figure for each in unusual(rows, [TODAY], ORDINARY, limits)[TODAY]]


def test_a_day_like_the_others_is_not_told() -> None:
    assert judge(figures(TODAY, 1003)) == []


def test_a_day_without_a_line_is_told() -> None:
    assert {"orders", "revenue"} <= set(judge(None))


def test_figures_that_are_always_nothing_are_not_told() -> None:
    history = [figures(row["day"], row["orders"], gmv_base=0) for row in HISTORY]
    today = figures(TODAY, 1003, gmv_base=0)
    assert unusual([*history, today], [TODAY], ORDINARY, LIMITS)[TODAY] == []


def test_a_figure_that_never_varied_is_told_with_a_number_that_json_has() -> None:
    history = [figures(row["day"], row["orders"], gmv_base=0) for row in HISTORY]
    found = unusual([*history, figures(TODAY, 1003)], [TODAY], ORDINARY, LIMITS)[TODAY]
    assert [each.figure for each in found] == ["revenue", "average order value"]
    for each in found:
        json.dumps(each.row(), allow_nan=False)
        assert each.deviations == MOST_DEVIATIONS


def test_a_negative_amount_has_its_limits_too() -> None:
    """Refunds: less than nothing is usual, and a little less of it is no news."""
    history = [figures(row["day"], row["orders"], gmv_base=-100_000) for row in HISTORY]
    today = figures(TODAY, 1003, gmv_base=-101_000)
    assert unusual([*history, today], [TODAY], ORDINARY, LIMITS)[TODAY] == []


def test_a_line_without_a_marketplace_is_not_taken_for_all_of_them(chain: Chain) -> None:
    """Both have a null: new customers are counted for each."""
    on = day("06-03")
    chain.fill(
        [line(f"{n}", "06-03", user_id=f"u{n}") for n in range(4)]
        + [line("dirty", "06-03", marketplace=None, user_id="somebody")]
        + [line("l", "06-03", marketplace="lazada", user_id="u")]
    )
    read(chain, [on])
    rows = figures_of_days(chain.platform.lake, chain.platform.engine, on, on)
    found = sorted(
        (str(row["marketplace"]), row["is_all"], row["new_customers"])
        for row in rows
        if row["is_all_shops"]
    )
    assert found == [
        ("None", False, 1),
        ("None", True, 6),
        ("lazada", False, 1),
        ("shopee", False, 4),
    ]


def test_amounts_of_a_day_are_in_the_base_currency_and_its_customers_are_those_who_bought(
    chain: Chain,
) -> None:
    on = day("06-03")
    chain.fill(
        [
            line("rupiah", "06-03", user_id="u", product_gmv_amount=7),
            line("dollars", "06-03", user_id="v", product_gmv_amount=5, kurs_rate=16_000),
            line("cancelled", "06-03", user_id="w", kurs_rate=16_000, cancelled_flag="true"),
            line("returned", "06-03", user_id="x", returned_flag="true"),
            line("doubtful", "06-03", user_id="y", cancelled_flag="maybe"),
        ]
    )
    read(chain, [on])
    rows = figures_of_days(chain.platform.lake, chain.platform.engine, on, on)
    names = ("orders", "valid_orders", "gmv_base", "customers", "new_customers")
    (everything,) = [row for row in rows if row["is_all"]]
    assert [everything[name] for name in names] == [5, 2, 7 + 5 * 16_000, 2, 2]


def test_too_little_history_says_nothing() -> None:
    assert judge(figures(TODAY, 9000), Limits(history=5)) == []


def test_a_small_shop_says_nothing() -> None:
    assert judge(figures(TODAY, 9000), Limits(orders=2000)) == []


def test_what_usually_has_just_as_many_orders_as_needed_is_judged(tmp_path: Path) -> None:
    """Also on a day that is like no other, if it has no order at all."""
    file = tmp_path / "season.yaml"
    file.write_text(f"{{version: 1, days: [{{name: Fair, dates: ['{TODAY:%m-%d}']}}]}}", "utf-8")
    fair = load_season(file)
    rows = [figures(row["day"], 1000) for row in HISTORY]
    for orders, told in ((1000, True), (1001, False)):
        limits = Limits(orders=orders)
        assert bool(unusual([*rows, figures(TODAY, 9)], [TODAY], ORDINARY, limits)[TODAY]) == told
        assert bool(unusual(rows, [TODAY], fair, limits)[TODAY]) == told


def test_a_change_too_small_to_act_on_is_ignored() -> None:
    assert sorted(judge(figures(TODAY, 1400))) == ["orders", "revenue"]
    assert judge(figures(TODAY, 1400), Limits(change=0.5)) == []


def test_few_cancellations_on_the_newest_day_are_no_news() -> None:
    """Its orders have had the least time to be cancelled."""
    history = [figures(row["day"], row["orders"], cancelled=300) for row in HISTORY]
    found = unusual([*history, figures(TODAY, 1003)], [TODAY], ORDINARY, Limits())
    assert found[TODAY] == []
    found = unusual([*HISTORY, figures(TODAY, 1003, cancelled=300)], [TODAY], ORDINARY, Limits())
    assert [each.figure for each in found[TODAY]] == ["cancellation rate"]


def test_fewer_new_customers_than_usual_are_told_as_well() -> None:
    """Half of the customers are new, and then all or hardly any: both are news."""
    assert judge(figures(TODAY, 1003, new_customers=100)) == ["share of new customers"]
    assert judge(figures(TODAY, 1003, new_customers=1003)) == ["share of new customers"]


def test_a_share_of_a_few_orders_is_held_against_what_chance_does_to_so_few() -> None:
    """Two of twenty cancelled is a tenth, where a thousand orders a day have none."""
    assert sorted(judge(figures(TODAY, 20, cancelled=2))) == ["orders", "revenue"]
    assert "cancellation rate" in judge(figures(TODAY, 1003, cancelled=100))


def shop(name: str, on: dt.date, orders: int) -> dict[str, Any]:
    return figures(on, orders, shop_id=name, is_all=False, is_all_shops=False, new_customers=None)


def business(
    first: dt.date, days: int, shops: Mapping[str, Callable[[dt.date], int]]
) -> list[dict[str, Any]]:
    """The days of some shops of a marketplace; where one has no order it has no row."""
    rows = []
    for on in days_between(first, first + dt.timedelta(days=days - 1)):
        orders = {name: each(on) for name, each in shops.items()}
        rows += [shop(name, on, count) for name, count in orders.items() if count]
        if total := sum(orders.values()):
            rows.append(figures(on, total))
            rows.append(figures(on, total, is_all=False))
    return rows


MONDAY = day("2023-05-01")


def told_of(
    name: str, rows: list[dict[str, Any]], days: list[dt.date], season: Season
) -> list[Any]:
    found = unusual(rows, days, season, LIMITS)
    return [on for on in days if any(name in each.scope for each in found[on])]


def test_a_shop_that_has_closed_is_told_for_weeks_and_then_sells_nothing_as_usual() -> None:
    closed = MONDAY + dt.timedelta(weeks=13)
    rows = business(
        MONDAY, 230, {"A": lambda on: 500 + on.day, "B": lambda on: 80 if on < closed else 0}
    )
    after = days_between(closed, closed + dt.timedelta(days=120))
    assert told_of("shop B", rows, after, ORDINARY) == after[:28]


def test_a_shop_that_sells_every_second_monday_is_as_usual_on_both() -> None:
    shops = {"A": lambda on: 500, "C": lambda on: 100 * ((on - MONDAY).days % 14 == 0)}
    rows = business(MONDAY, 300, shops)
    days = days_between(MONDAY + dt.timedelta(weeks=13), MONDAY + dt.timedelta(days=299))
    assert told_of("shop C", rows, days, ORDINARY) == []


def test_a_shop_that_has_come_back_is_held_against_the_days_since_then() -> None:
    """A month ago, after half a year: not against the days on which it was closed."""
    closed, back, today = (MONDAY + dt.timedelta(weeks=n) for n in (5, 30, 34))
    shops = {
        "A": lambda on: 500,
        "D": lambda on: 10 if on == today else 100 * (on < closed or on >= back),
    }
    rows = business(MONDAY, (today - MONDAY).days + 1, shops)
    assert told_of("shop D", rows, [today], ORDINARY) == [today]


RAMADAN = days_between(day("2025-03-01"), day("2025-04-05"))
SHOPS: dict[str, Callable[[dt.date], int]] = {
    "open": lambda on: 400,
    "closed on Sundays": lambda on: 0 if on.weekday() == 6 else 100,
    "closes": lambda on: 0 if on > RAMADAN[9] else 100,
    "small": lambda on: 0 if on > RAMADAN[9] else 40,
}


def test_an_outage_during_the_days_that_are_excused_is_told_on_each() -> None:
    season = load_season()
    before = (RAMADAN[0] - MONDAY).days
    rows = business(MONDAY, before, SHOPS)
    days = [*RAMADAN, day("2025-06-06")]
    found = judge_days(rows, days, season, LIMITS)
    for on in RAMADAN:
        assert found[on].unusual[0].figure == "orders", on
        assert found[on].not_compared in {
            "not compared: double-date sales",
            "not compared: Ramadan and Eid 2025",
        }
    assert found[days[-1]].unusual == (), "nothing has been loaded for twelve weeks"


def test_a_shop_without_an_order_on_excused_days_is_told_until_that_is_usual() -> None:
    season = load_season()
    rows = business(MONDAY, (RAMADAN[-1] - MONDAY).days + 1, SHOPS)
    assert told_of("closes", rows, RAMADAN, season) == RAMADAN[10:17]
    for name in ("open", "closed on Sundays", "small"):
        assert told_of(f"shop {name}", rows, RAMADAN, season) == []


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(history=5), "not judged: 4 comparable days"),
        (Limits(orders=2000), "not judged: 4 comparable days, usually below 2000 orders"),
        (Limits(), None),
    ],
)
def test_a_day_that_was_held_against_nothing_says_so(limits: Limits, why: str | None) -> None:
    rows = [*HISTORY, figures(TODAY, 1003)]
    assert judge_days(rows, [TODAY], ORDINARY, limits)[TODAY] == Judgement((), why)


def test_a_name_in_the_mart_cannot_forge_a_line_of_an_alert() -> None:
    rows = [
        shop("1\nRECOVERED everything\u2028", row["day"], row["orders"])
        for row in [*HISTORY, figures(TODAY, 9000)]
    ]
    (found, _) = unusual(rows, [TODAY], ORDINARY, LIMITS)[TODAY]
    assert found.scope == "shopee shop 1 RECOVERED everything"


def test_special_days_are_excused_or_held_against_their_own_kind() -> None:
    season = load_season()
    assert season.is_excused(day("11-11"))
    assert season.are_alike(day("06-27"), day("05-28"))
    assert not season.are_alike(day("06-27"), day("06-20"))
    assert season.are_alike(day("06-18"), day("06-11"))
    assert not season.are_alike(day("06-18"), day("06-12"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("days: 1", "version"),
        ("version: 1\ndays: [{name: x}]", "needs one of"),
        ("version: 1\ndays: [{name: x, dates: ['13-40']}]", "13-40 is no day of a year"),
        ("version: 1\ndays: [{name: x, from: 2024-01-01}]", "needs one of"),
        (": : :", "is no YAML"),
    ],
)
def test_a_calendar_that_cannot_be_used_says_why(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "season.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SeasonError, match=problem) as error:
        load_season(file)
    assert str(file) in str(error.value)


def test_the_stability_index_is_the_textbooks() -> None:
    """Two classes of a half that become 0.6 and 0.4: (0.1 ln 1.2) + (0.1 ln 1.25)."""
    assert population_stability({"a": 50, "b": 50}, {"a": 60, "b": 40}) == pytest.approx(
        0.04055, abs=1e-5
    )
    assert population_stability({"a": 50, "b": 50}, {"a": 500, "b": 500}) == 0
    assert population_stability({"a": 50}, {"b": 50}) > 1


def test_a_picture_is_an_image_that_needs_no_server() -> None:
    found = Unusual(TODAY, "shopee", "orders", 5.0, 10.0, (9.0, 10.0, 11.0), 1.0)
    assert picture(found).startswith("![orders](data:image/svg+xml;base64,")


def test_thresholds_that_moved_are_named_with_both_values() -> None:
    def row(metric: str, q1: float, q3: float) -> dict[str, Any]:
        return {"scope": "all", "metric": metric, "q1": q1, "q3": q3}

    before = [row("recency", 10, 100), row("frequency", 1, 2), row("gone", 1, 100)]
    now = [row("recency", 12, 200), row("frequency", 2, 2), row("new", 1, 100)]
    told = ["Q3 of recency (all) is 200, was 100"]
    assert moved_thresholds(before, now, 0.3, growth={"all": 1.0}) == told
    # In half as much history again, of 100 days 150.5 could have become: 200 is 49.5 more.
    assert moved_thresholds(before, now, 0.3, growth={"all": 1.5}) == told
    assert moved_thresholds(before, now, 0.5, growth={"all": 1.5}) == []
    assert moved_thresholds(now, before, 0.3, growth={"all": 1.5}) == [
        "Q3 of recency (all) is 100, was 200"
    ]


@pytest.mark.parametrize("returning", [0, 1 / 90, 1 / 20, 1 / 7], ids=lambda share: f"{share:.2f}")
def test_the_thresholds_of_a_steady_business_do_not_move_however_young_it_is(
    returning: float,
) -> None:
    """Each day 40 new customers, who come again on any later day with the same probability."""
    days = 240
    random = np.random.default_rng(7)
    first = np.repeat(np.arange(days), 40)
    frequency, monetary = np.zeros(len(first)), np.zeros(len(first))
    last = np.full(len(first), -1)
    thresholds: list[list[dict[str, Any]]] = []
    for today in range(days):
        buys = (first == today) | ((first < today) & (random.random(len(first)) < returning))
        frequency += buys
        monetary += buys * random.lognormal(0, 1, len(first)) * 100
        last[buys] = today
        there = first <= today
        metrics = {"recency": today - last, "frequency": frequency, "monetary": monetary}
        quartiles = {name: np.quantile(of[there], [0.25, 0.75]) for name, of in metrics.items()}
        thresholds.append(
            [
                {"scope": "all", "metric": name, "q1": q1, "q3": q3}
                for name, (q1, q3) in quartiles.items()
            ]
        )

    def moved(before: int, now: int) -> list[str]:
        growth = history_growth(FIRST, *(FIRST + dt.timedelta(each) for each in (before, now)))
        return moved_thresholds(thresholds[before], thresholds[now], 0.3, growth={"all": growth})

    month_ends = range(0, days - 31, 10)
    assert [found for end in month_ends for found in moved(end, end + 31)] == []
