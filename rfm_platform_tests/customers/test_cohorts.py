"""cohort_matrix on a handful of customers: dense, honest about the running month, never ahead."""

import datetime as dt
from collections.abc import Sequence

from rfm_platform_tests.customers.conftest import CELLS, Chain, line
from rfm_platform_tests.oracle import Line, expect

JANUARY, FEBRUARY, MARCH, APRIL = (dt.date(2024, month, 1) for month in (1, 2, 3, 4))
LINES = [
    line("2024-01-10 08:00", "ann", "1", 100),
    line("2024-01-10 08:00", "ann", "1", 50),  # the same order's second line
    line("2024-01-20 08:00", "ben", "2", 30),
    line("2024-01-31 23:59:59.999999", "ben", "3", 5),
    line("2024-03-01 00:00", "ann", "4", 20),
    line("2024-03-31 12:00", "cas", "5", 7),
]
Cell = tuple[object, ...]


def _cells(chain: Chain, lines: Sequence[Line], as_of: dt.date) -> dict[Cell, Cell]:
    """(cohort, months) → (size, value, orders, gmv, is_partial), which are the oracle's too."""
    rows = chain.publish(lines, as_of)["cohort_matrix_snapshots"]
    days = [line.create_timestamp.date() for line in lines if line.create_timestamp]
    loaded = {min(days) + dt.timedelta(days=n) for n in range((max(days) - min(days)).days + 1)}
    oracle = expect(lines, [], loaded=loaded, as_of=as_of, segments=CELLS)
    assert sorted(rows, key=repr) == sorted(oracle.cohort_matrix_snapshots, key=repr)
    measures = ("cohort_size", "value", "total_order", "total_gmv_base_amount", "is_partial")
    cells: dict[Cell, Cell] = {
        (row["marketplace"], row["cohort_month"], row["months"]): tuple(row[m] for m in measures)
        for row in rows
    }
    assert len(cells) == len(rows)
    return cells


def test_a_month_in_which_nobody_bought_is_zero_and_one_not_yet_reached_is_absent(
    chain: Chain,
) -> None:
    assert _cells(chain, LINES, dt.date(2024, 4, 10)) == {
        ("shopee", JANUARY, 0): (2, 2, 3, 185, False),
        ("shopee", JANUARY, 1): (2, 0, 0, 0, False),
        ("shopee", JANUARY, 2): (2, 1, 1, 20, False),
        ("shopee", JANUARY, 3): (2, 0, 0, 0, True),
        ("shopee", MARCH, 0): (1, 1, 1, 7, False),
        ("shopee", MARCH, 1): (1, 0, 0, 0, True),
    }


def test_only_the_running_month_is_partial_and_on_its_last_day_it_is_not(chain: Chain) -> None:
    on_the_30th = _cells(chain, LINES, dt.date(2024, 3, 30))
    assert on_the_30th == {
        ("shopee", JANUARY, 0): (2, 2, 3, 185, False),
        ("shopee", JANUARY, 1): (2, 0, 0, 0, False),
        ("shopee", JANUARY, 2): (2, 1, 1, 20, True),
    }
    on_the_31st = _cells(chain, LINES, dt.date(2024, 3, 31))
    assert not any(cell[-1] for cell in on_the_31st.values())
    assert on_the_31st["shopee", MARCH, 0] == (1, 1, 1, 7, False)


def test_the_last_day_of_a_leap_february_ends_its_month(chain: Chain) -> None:
    assert _cells(chain, LINES, dt.date(2024, 2, 28))["shopee", JANUARY, 1] == (2, 0, 0, 0, True)
    assert _cells(chain, LINES, dt.date(2024, 2, 29))["shopee", JANUARY, 1] == (2, 0, 0, 0, False)


def test_a_snapshot_in_the_middle_of_a_month_knows_nothing_of_its_rest(chain: Chain) -> None:
    assert _cells(chain, LINES, dt.date(2024, 1, 15)) == {
        ("shopee", JANUARY, 0): (1, 1, 1, 150, True)
    }


def test_months_are_counted_across_a_new_year(chain: Chain) -> None:
    lines = [line("2024-11-30 10:00", "ann", "1"), line("2025-02-01 10:00", "ann", "2")]
    cells = _cells(chain, lines, dt.date(2025, 2, 28))
    november = dt.date(2024, 11, 1)
    assert set(cells) == {("shopee", november, months) for months in (0, 1, 2, 3)}
    assert cells["shopee", november, 3] == (1, 1, 1, 100, False)


def test_a_cancelled_first_order_does_not_found_a_cohort(chain: Chain) -> None:
    lines = [
        line("2024-01-10 10:00", "ann", "1", cancelled_flag="true"),
        line("2024-02-10 10:00", "ann", "2"),
        line("2024-03-10 10:00", "ann", "3", returned_flag="1"),
    ]
    assert _cells(chain, lines, dt.date(2024, 3, 31)) == {
        ("shopee", FEBRUARY, 0): (1, 1, 1, 100, False),
        ("shopee", FEBRUARY, 1): (1, 0, 0, 0, False),
    }


def test_an_order_over_two_shops_and_a_customer_in_two_are_counted_once(chain: Chain) -> None:
    lines = [
        line("2024-01-10 10:00", "ann", "1", 10),
        line("2024-01-10 10:00", "ann", "1", 20, shop_id="T"),
        line("2024-01-11 10:00", "ann", "2", 40, shop_id="T"),
        line("2024-01-11 10:00", "ann", "2", 80, marketplace="lazada"),
    ]
    assert _cells(chain, lines, dt.date(2024, 1, 31)) == {
        ("shopee", JANUARY, 0): (1, 1, 2, 70, False),
        ("lazada", JANUARY, 0): (1, 1, 1, 80, False),
    }


def test_before_the_first_order_there_is_no_cohort(chain: Chain) -> None:
    assert _cells(chain, LINES, dt.date(2024, 1, 9)) == {}
