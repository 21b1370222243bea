"""Scores, thresholds, outliers and tiers on customers small enough to work out by hand.

Each figure here was written down from the contract, not computed; the oracle, against which the
property tests hold everything else, must give the same.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import pytest

from rfm_platform_tests.customers.conftest import CELLS, Chain, line
from rfm_platform_tests.oracle import Line, Row, expect, quartile, tier

TODAY = dt.date(2024, 2, 29)
MIDDLE = "2024-02-15 12:00"


def _scored(
    chain: Chain, lines: Sequence[Line], *, per_marketplace: bool = False
) -> tuple[list[Row], list[Row]]:
    """rfm_scores and rfm_thresholds as of TODAY: the platform's, which are the oracle's."""
    tables = chain.publish(lines, TODAY, per_marketplace=per_marketplace)
    oracle = expect(
        lines,
        [],
        loaded={line.create_timestamp.date() for line in lines if line.create_timestamp},
        as_of=TODAY,
        segments=CELLS,
        per_marketplace=per_marketplace,
    )
    scores, thresholds = tables["rfm_scores_snapshots"], tables["rfm_thresholds"]
    assert sorted(scores, key=repr) == sorted(oracle.rfm_scores_snapshots, key=repr)
    assert sorted(map(str, (row["scope"] for row in thresholds))) == sorted(
        str(row["scope"]) for row in oracle.rfm_thresholds
    )
    return scores, thresholds


def _by_user(rows: Sequence[Row], column: str) -> dict[str, object]:
    return {row["user_id"]: row[column] for row in rows}


def _spenders(*amounts: int) -> list[Line]:
    """Customers a, b, c … with one order each, all on the same day."""
    return [
        line(MIDDLE, user_id=chr(ord("a") + n), order_id=str(n), amount=amount)
        for n, amount in enumerate(amounts)
    ]


def _buyers(*frequencies: int) -> list[Line]:
    """Customers a, b, c … with so many orders each, on one day and for the same sum."""
    return [
        line(MIDDLE, user_id=user, order_id=f"{user}{number}", amount=60 // frequency)
        for user, frequency in zip("abcdefgh", frequencies, strict=False)
        for number in range(frequency)
    ]


def _threshold(thresholds: Sequence[Row], metric: str, scope: str | None = "all") -> Row:
    (row,) = (row for row in thresholds if row["metric"] == metric and row["scope"] == scope)
    return row


def test_a_value_on_a_boundary_belongs_to_the_lower_side(chain: Chain) -> None:
    lines = [
        line(f"{TODAY - dt.timedelta(days=ago)} 23:59:59", user, f"{user}{number}", amount)
        for user, ago, orders, amount in (
            ("a", 0, 1, 60),
            ("b", 1, 2, 15),
            ("c", 2, 3, 40),
            ("d", 3, 4, 5),
            ("e", 4, 5, 2),
        )
        for number in range(orders)
    ]
    scores, thresholds = _scored(chain, lines)
    table = {
        row["user_id"]: tuple(
            row[column]
            for column in ("recency", "r_score", "frequency", "f_score", "monetary", "m_score")
        )
        for row in scores
    }
    assert table == {
        "a": (0, 3, 1, 1, 60, 2),
        "b": (1, 3, 2, 1, 30, 2),
        "c": (2, 2, 3, 2, 120, 3),
        "d": (3, 2, 4, 2, 20, 1),
        "e": (4, 1, 5, 3, 10, 1),
    }
    assert _by_user(scores, "total_score") == {"a": 6, "b": 6, "c": 7, "d": 5, "e": 5}
    assert _by_user(scores, "segment")["c"] == CELLS[2, 2, 3]
    quartiles = {row["metric"]: (row["q1"], row["q3"], row["is_degenerate"]) for row in thresholds}
    assert quartiles == {
        "recency": (1.0, 3.0, False),
        "frequency": (2.0, 4.0, False),
        "monetary": (20.0, 60.0, False),
    }
    assert {row["customers"] for row in thresholds} == {5}


@pytest.mark.parametrize(
    ("amounts", "q1", "q3", "scores"),
    [
        ((7,), 7.0, 7.0, "1"),
        ((0, 10), 2.5, 7.5, "13"),
        ((1, 2, 3), 1.5, 2.5, "123"),
        ((0, 1, 2, 3), 0.75, 2.25, "1223"),
        ((-4, 0, 4, 9), -1.0, 5.25, "1223"),
        ((9, 4, 0, -4), -1.0, 5.25, "3221"),
        ((10, 20, 30, 40, 50), 20.0, 40.0, "11223"),
        ((1, 1, 1, 1, 100), 1.0, 1.0, "11113"),
        ((1, 100, 100, 100, 100), 100.0, 100.0, "11111"),
        ((1, 2, 3, 4, 5, 6, 7, 8), 2.75, 6.25, "11222233"),
    ],
)
def test_quartiles_lie_where_linear_interpolation_puts_them(
    chain: Chain, amounts: tuple[int, ...], q1: float, q3: float, scores: str
) -> None:
    rows, thresholds = _scored(chain, _spenders(*amounts))
    monetary = _threshold(thresholds, "monetary")
    assert (monetary["q1"], monetary["q3"]) == (q1, q3)
    by_user = _by_user(rows, "m_score")
    assert "".join(str(by_user[user]) for user in sorted(by_user)) == scores
    assert quartile(amounts, 1) == Fraction(q1)
    assert quartile(amounts, 3) == Fraction(q3)


@pytest.mark.parametrize(
    ("frequencies", "quartiles", "scores", "is_degenerate"),
    [
        ((1, 1, 1, 1, 1, 1, 1, 2), (1.0, 1.0), "11111113", True),  # most bought once
        ((1, 1, 1, 1), (1.0, 1.0), "1111", True),
        ((1, 1, 2, 2), (1.0, 2.0), "1122", True),  # nobody beyond Q3
        ((1, 5), (2.0, 4.0), "13", True),  # nobody between the quartiles
        ((1, 2, 3, 4, 5), (2.0, 4.0), "11223", False),
        ((1, 2, 3), (1.5, 2.5), "123", False),
    ],
)
def test_a_class_that_nobody_is_in_is_said_and_not_rebinned(
    chain: Chain,
    frequencies: tuple[int, ...],
    quartiles: tuple[float, float],
    scores: str,
    is_degenerate: bool,
) -> None:
    rows, thresholds = _scored(chain, _buyers(*frequencies))
    frequency = _threshold(thresholds, "frequency")
    assert (frequency["q1"], frequency["q3"]) == quartiles
    assert frequency["is_degenerate"] is is_degenerate
    by_user = _by_user(rows, "f_score")
    assert "".join(str(by_user[user]) for user in sorted(by_user)) == scores
    assert _threshold(thresholds, "recency")["is_degenerate"] is True  # all on one day


@pytest.mark.parametrize(
    ("amounts", "outliers"),
    [
        ((0, 10, 20, 30, 60), ""),  # on the upper fence
        ((0, 10, 20, 30, 61), "e"),
        ((-20, 10, 20, 30, 40), ""),  # on the lower fence
        ((-21, 10, 20, 30, 40), "a"),
        ((-21, 10, 20, 30, 61), "ae"),
        ((5, 5, 5, 5, 6), "e"),  # no spread: whoever differs
        ((5, 5, 5, 5, 5), ""),
    ],
)
def test_an_outlier_lies_beyond_its_fence_and_stays(
    chain: Chain, amounts: tuple[int, ...], outliers: str
) -> None:
    rows, _ = _scored(chain, _spenders(*amounts))
    assert len(rows) == len(amounts)
    flagged = sorted(row["user_id"] for row in rows if row["is_outlier"])
    assert flagged == sorted(outliers)


@pytest.mark.parametrize(
    ("customers", "sizes"),
    [
        (1, (1, 0, 0, 0)),
        (5, (1, 0, 0, 4)),
        (6, (1, 0, 1, 4)),
        (20, (1, 0, 3, 16)),
        (21, (1, 1, 3, 16)),
        (99, (1, 4, 15, 79)),
        (100, (1, 4, 15, 80)),
        (101, (2, 4, 15, 80)),
        (250, (3, 10, 37, 200)),
    ],
)
def test_tiers_are_whole_percentages_rounded_up(
    chain: Chain, customers: int, sizes: tuple[int, int, int, int]
) -> None:
    lines = [line(MIDDLE, f"u{n:03}", str(n), amount=1000 - n) for n in range(customers)]
    rows, _ = _scored(chain, lines)
    ranked = [row["pyramid_tier"] for row in sorted(rows, key=lambda row: -row["monetary"])]
    names = ("top", "big", "medium", "small")
    expected = [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]
    assert ranked == expected
    assert [tier(rank, customers) for rank in range(1, customers + 1)] == expected


def test_equal_spenders_are_ranked_by_marketplace_then_user(chain: Chain) -> None:
    lines = [
        line(MIDDLE, user, f"{marketplace}{user}", marketplace=marketplace)
        for marketplace in ("b", "B", "ä")
        for user in ("10", "9", "é", "z")
    ]
    rows, _ = _scored(chain, lines)
    tiers = {(row["marketplace"], row["user_id"]): row["pyramid_tier"] for row in rows}
    assert tiers["B", "10"] == "top"
    assert {key for key, name in tiers.items() if name == "medium"} == {("B", "9"), ("B", "z")}
    assert Counter(tiers.values()) == {"top": 1, "medium": 2, "small": 9}


def test_the_pyramid_stands_on_all_marketplaces_even_when_quartiles_do_not(chain: Chain) -> None:
    lines = [
        line(MIDDLE, f"{marketplace}{n}", f"{n}", amount, marketplace=marketplace)
        for marketplace, amounts in (("lazada", (1, 2, 3, 4, 5)), ("shopee", (10, 20, 30, 40, 50)))
        for n, amount in enumerate(amounts)
    ]
    rows, thresholds = _scored(chain, lines, per_marketplace=True)
    by_scope = {
        row["scope"]: (row["q1"], row["q3"], row["customers"])
        for row in thresholds
        if row["metric"] == "monetary"
    }
    assert by_scope == {"lazada": (2.0, 4.0, 5), "shopee": (20.0, 40.0, 5)}
    assert _by_user(rows, "m_score")["lazada4"] == 3
    assert _by_user(rows, "m_score")["shopee0"] == 1
    tiers = _by_user(rows, "pyramid_tier")
    assert {user for user, name in tiers.items() if name != "small"} == {"shopee4", "shopee3"}


@pytest.mark.parametrize("per_marketplace", [False, True])
def test_a_fifth_of_all_is_found_wherever_a_marketplace_has_its_quarter(
    chain: Chain, per_marketplace: bool
) -> None:
    """Few big spenders in one marketplace, many equal ones in the next, one customer alone."""
    amounts = {
        "blibli": [5],
        "lazada": [900 + n for n in range(6)],
        "shopee": [40] * 60 + [n % 50 for n in range(60)],
        None: [-n for n in range(21)],
    }
    lines = [
        line(MIDDLE, f"{n}", f"{n}", amount, marketplace=marketplace)
        for marketplace, some in amounts.items()
        for n, amount in enumerate(some)
    ]
    rows, _ = _scored(chain, lines, per_marketplace=per_marketplace)
    assert Counter(row["pyramid_tier"] for row in rows) == {
        "top": 2, "big": 6, "medium": 22, "small": 118,
    }  # fmt: skip


def test_customers_without_a_marketplace_have_their_thresholds_too(chain: Chain) -> None:
    lines = [
        line(MIDDLE, f"u{n}", f"{n}", n, marketplace=marketplace)
        for marketplace in (None, "", "all")
        for n in range(3)
    ]
    _, thresholds = _scored(chain, lines, per_marketplace=True)
    assert Counter(row["scope"] for row in thresholds) == {None: 3, "": 3, "all": 3}


def test_a_customer_in_two_marketplaces_is_two_customers(chain: Chain) -> None:
    lines = [line(MIDDLE, "u", "1"), line(MIDDLE, "u", "1", amount=7, marketplace="lazada")]
    rows, _ = _scored(chain, lines)
    assert {(row["marketplace"], row["monetary"]) for row in rows} == {
        ("shopee", 100),
        ("lazada", 7),
    }


def test_an_order_over_two_shops_is_one_order_of_its_customer(chain: Chain) -> None:
    lines = [line(MIDDLE, order_id="1"), line(MIDDLE, order_id="1", shop_id="T", amount=11)]
    rows, _ = _scored(chain, lines)
    assert [(row["frequency"], row["monetary"]) for row in rows] == [(1, 111)]


def test_whoever_only_cancelled_or_returned_is_not_scored(chain: Chain) -> None:
    lines = [
        line(MIDDLE, "kept", "1"),
        line(MIDDLE, "cancelled", "2", cancelled_flag="Y"),
        line(MIDDLE, "returned", "3", returned_flag="2024-02-20 10:00:00"),
        line(MIDDLE, "unknown", "4", returned_flag="perhaps"),
        line(MIDDLE, None, "5"),
        line(MIDDLE, "", "6"),
    ]
    rows, _ = _scored(chain, lines)
    assert [row["user_id"] for row in rows] == ["kept"]


def test_money_in_two_currencies_is_added_in_the_base_currency(chain: Chain) -> None:
    lines = [
        line(MIDDLE, order_id="1", amount=15_000),
        line(MIDDLE, order_id="2", amount=10, kurs_rate=3_400),
        line(MIDDLE, order_id="3", amount=10, kurs_rate=None),
        line(MIDDLE, order_id="4", amount=None),
    ]
    rows, _ = _scored(chain, lines)
    assert [(row["frequency"], row["monetary"]) for row in rows] == [(4, 49_000)]
