"""Data marts made up by hypothesis: small, and full of what real marts hold once in a while.

A mart draws its pools first (a few shops, users, orders …) and its lines from them, so that the
same value meets itself again: one user_id in two marketplaces, an order over two shops, a rate
that changes at one and the same instant. An order never lies on two days: the platform refuses
such a mart before anything is computed.

By default every run tries the same examples. ``EXAMPLES_TIMES=20 pytest …`` tries new ones, twenty
times as many: each test is there twenty times, so that all workers have a share of the longest.
"""

import datetime as dt
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from rfm_platform_tests.oracle import Line, Order

MOST_LINES = 40
EXAMPLES_TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))

TEXTS: tuple[str | None, ...] = (
    "a", "b", "A", "10", "9", "", None, " ", "a ", "null", "NULL", "\\N", '"\\N"', "\\.", "\\", "\\\\",
    '"', '""', "'", ",", "a,b", 'a"b', "{", "}", "{}", "{a,b}", "a/b", "/", ";", "|", "$$", "%s", "{0}",
    "a\nb", "\n", "\r\n", "\r", "a\tb", "\t", "\v", "\x01", "\x1f", "\x7f", "ÿ", "é", "e\u0301", "ß",
    "中", "\u2028", "\ufeff", "\uffff", "🌸", "👩‍👩‍👧", "nan", "true", "2024-01-01", "0",
)  # fmt: skip
"""Texts that a quoting, an escape, a separator, a collation or a null could be mistaken for."""

_ORDINARY_MARKETPLACES = ("shopee", "tokopedia", "tiktok shop", "all", None, "")

FALSE_FLAGS = ("false", "f", "no", "n", "0", "", None, "False", "FALSE", "F", "NO", "nO", "N")
TRUE_FLAGS = (
    "true", "t", "yes", "y", "1", "True", "TRUE", "tRuE", "T", "YES", "Yes", "Y",
    "2024-01-31", "2024-01-31 10:00", "2024-01-31T10:00:59", "2024-01-31 10:00:59.5",
    "2024-01-31 10:00:59.123456789", "2024-01-31T10:00:59Z", "2024-01-31 10:00:59UTC",
    "2024-01-31 23:59+07", "2024-01-31 10:00:59-0330", "2024-01-31T10:00:59.25+07:00",
    "2023-02-29", "2024-02-29 00:00:00", "1999-12-31",
)  # fmt: skip
UNKNOWN_FLAGS = (
    "maybe", "2", "-1", "00", "01", "1.0", "on", "off", "null", "NULL", "\\N", "none", "yess", "tr", " ",
    "true ", " true", "true\n", "\ntrue", "1\n", "n\t", "0 ", "yeſ", "ｙ", "ya", "tidak", "x\ntrue",
    "2024-02-30", "2024-00-10", "2024-13-01", "2024-04-31", "2024-01-00", "0000-00-00", "2024-1-1",
    "20240131", "31-01-2024", "2024/01/31", "2024-01-31 ", " 2024-01-31", "2024-01-31\n",
    "2024-01-31 10", "2024-01-31T", "2024-01-31 10:00:", "2024-01-31 10:00:59.", "2024-01-31_10:00",
    "2024-01-31 10:00+7", "2024-01-31 10:00+07:", "2024-01-31Z", "2024-01-31x", "x2024-01-31",
)  # fmt: skip

FEES = (
    "0", "5", "10000", "12000.50", "0.5", "1.5", "2.5", "-0.5", "-1.5", "5.", ".5", "+7", "-3", "1e3",
    "1E3", "1.25e+2", "12345e-2", ".5E1", "00012", "0.005", "0.004", "-0.005", "1.005", "2.675", "-0",
    " 9000", "9000 ", "\t8000\n", "\n7\r\n", "\f6", " 1e2 ", "0e99", "1e-99",
    "9999999999999999", "1234567890123456.785",
)  # fmt: skip
NO_FEES = (
    None, "", " ", "free", "Rp 10.000", "10,000", "1_000", "1 000", "nan", "NaN", "inf", "-Infinity",
    "0x10", "1e", "e5", ".", "+", "-", "--1", "+-1", "1.2.3", "1e5.5", "1e+", "٣", "½", "5 .", "\\N",
    "1\n2", "- 5", "5-", "1d", "1f", "1e16", "1e999", "99999999999999999999", "9999999999999999.995",
)  # fmt: skip

RATES = (1, 1, 15_500, 16_000, 3_400, 0, None)
AMOUNTS = (
    0, 1, -1, 2, 3, 10, 99, 12_500, 15_000, 15_000, 150_000, -15_000, 2**31, 2_000_000_000_001, None,
)  # fmt: skip

SPRING = tuple(
    dt.date.fromisoformat(day)
    for day in (
        "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02", "2024-02-28", "2024-02-29",
        "2024-03-01", "2024-03-15", "2024-03-31", "2024-04-01",
    )
)  # fmt: skip
NEW_YEAR = tuple(
    dt.date.fromisoformat(day)
    for day in (
        "2024-12-01", "2024-12-30", "2024-12-31", "2025-01-01", "2025-01-31", "2025-02-28",
        "2025-03-01",
    )
)  # fmt: skip
TIMES = tuple(
    dt.time.fromisoformat(time)
    for time in (
        "00:00:00", "00:00:00.000001", "06:59:59.999999", "07:00:00", "12:00:00", "12:00:00",
        "12:00:00.000001", "16:59:59", "17:00:00", "23:59:59", "23:59:59.999999",
    )
)  # fmt: skip


@dataclass(frozen=True)
class MartRows:
    """The rows of both tables."""

    lines: tuple[Line, ...]
    orders: tuple[Order, ...]

    @property
    def days(self) -> list[dt.date]:
        """The days that have lines, in order."""
        return sorted(
            {line.create_timestamp.date() for line in self.lines if line.create_timestamp}
        )


def examples(count: int) -> Callable[[Any], Any]:
    """How many examples a property test tries, and how."""
    return settings(
        max_examples=count,
        derandomize=EXAMPLES_TIMES == 1,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def texts() -> st.SearchStrategy[str | None]:
    """Any text that PostgreSQL stores, or null; the awkward ones often."""
    storable = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.sampled_from(TEXTS) | st.text(storable, max_size=5)


def flags() -> st.SearchStrategy[str | None]:
    """Mostly false, in every spelling; seldom a value that nobody knows."""
    return st.one_of(
        *(st.just("false"),) * 4,
        st.sampled_from(FALSE_FLAGS),
        st.sampled_from(TRUE_FLAGS),
        st.sampled_from(UNKNOWN_FLAGS) | st.sampled_from(FALSE_FLAGS),
    )


def fees() -> st.SearchStrategy[str | None]:
    """What is written where a fee should be."""
    return st.one_of(
        st.sampled_from(FEES),
        st.sampled_from(FEES),
        st.sampled_from(NO_FEES),
        st.decimals(-20, 20, places=3, allow_nan=False).map(str),
    )


def timestamps_of(day: dt.date) -> st.SearchStrategy[dt.datetime]:
    """Instants of a day: few, so that lines share them, and its first and last microsecond."""
    times = st.sampled_from(TIMES) | st.sampled_from(TIMES) | st.times()
    return times.map(lambda time: dt.datetime.combine(day, time.replace(fold=0)))


def _pool(
    draw: st.DrawFn, values: st.SearchStrategy[Any], at_least: int, at_most: int
) -> st.SearchStrategy[Any]:
    drawn: Sequence[Any] = draw(st.lists(values, min_size=at_least, max_size=at_most, unique=True))
    return st.sampled_from(drawn)


@st.composite
def marts(
    draw: st.DrawFn,
    *,
    max_days: int = 5,
    min_lines: int = 0,
    max_lines: int = MOST_LINES,
    days: Sequence[dt.date] | None = None,
) -> MartRows:
    """The rows of a mart whose lines lie on up to `max_days` of `days`, else of one season."""
    season = days or draw(st.sampled_from((SPRING, SPRING, NEW_YEAR)))
    day = _pool(draw, st.sampled_from(season), 1, max_days)
    marketplace = _pool(draw, st.sampled_from(_ORDINARY_MARKETPLACES) | texts(), 1, 3)
    order_id = _pool(draw, st.sampled_from("123456789") | texts(), 2, 12)
    user_id = _pool(draw, st.sampled_from("uvwxyz") | texts(), 1, 7)
    shop_id = _pool(draw, st.just("S") | texts(), 1, 2)
    shop_name = draw(
        st.sampled_from((st.sampled_from((None, "")), _pool(draw, st.just("Shop") | texts(), 1, 2)))
    )
    region = draw(
        st.sampled_from((st.sampled_from((None, "")), _pool(draw, st.just("ID") | texts(), 1, 2)))
    )
    product = _pool(draw, st.just("P") | texts(), 1, 3)
    variant = _pool(draw, st.just("V") | texts(), 1, 2)
    barcode = st.just("899") | texts()
    rate = _pool(draw, st.sampled_from(RATES), 1, 2)
    amount = st.sampled_from(AMOUNTS) | st.integers(-100, 1000)
    status = draw(st.sampled_from((flags(), flags(), st.just("false"), st.just("YES"))))
    fee = draw(st.sampled_from((fees(), st.sampled_from(FEES))))

    plan: dict[tuple[str | None, str | None], dt.date] = {}
    lines = []
    for _ in range(draw(st.integers(min_lines, max_lines))):
        order = (draw(marketplace), draw(order_id))
        if order not in plan:
            plan[order] = draw(day)
        lines.append(
            Line(
                marketplace=order[0],
                shop_id=draw(shop_id),
                shop_name=draw(shop_name),
                user_id=draw(user_id),
                magpie_region_code=draw(region),
                kurs_rate=draw(rate),
                create_timestamp=draw(timestamps_of(plan[order])),
                cancelled_flag=draw(status),
                returned_flag=draw(flags()),
                order_id=order[1],
                product_gmv_amount=draw(amount),
                marketplace_product_id=draw(product),
                marketplace_variant_id=draw(variant),
                marketplace_product_barcode=draw(barcode),
                order_shipping_fee_buyer_amount=draw(fee),
            )
        )
    if draw(st.integers(0, 9)) == 9 and lines:
        lines.append(lines[0]._replace(create_timestamp=None))
    known_orders = st.sampled_from(sorted(plan, key=repr) or [(None, None)])
    orders = draw(st.lists(st.tuples(known_orders, texts()), max_size=12))
    return MartRows(tuple(lines), tuple(Order(*order, name) for order, name in orders))


def as_of_dates(rows: MartRows) -> st.SearchStrategy[dt.date]:
    """A day with lines, its neighbours, a month's last day, before everything, long after."""
    days = rows.days or [SPRING[0]]
    offsets = st.sampled_from((0, 0, 0, 1, -1, 2, 30))
    return st.builds(lambda day, by: day + dt.timedelta(days=by), st.sampled_from(days), offsets)


@st.composite
def late_changes(draw: st.DrawFn, rows: MartRows) -> MartRows:
    """The same mart some weeks later: orders cancelled and returned, lines gone, new or changed."""
    lines: list[Line] = []
    for line in rows.lines:
        match draw(
            st.sampled_from(("same", "same", "cancelled", "returned", "amount", "gone", "2"))
        ):
            case "same":
                lines.append(line)
            case "cancelled":
                lines.append(line._replace(cancelled_flag="2024-06-30 12:00:00"))
            case "returned":
                lines.append(line._replace(returned_flag="true"))
            case "amount":
                lines.append(line._replace(product_gmv_amount=draw(st.sampled_from(AMOUNTS))))
            case "2":
                lines += [line, line]
    return MartRows(tuple(lines), rows.orders)
