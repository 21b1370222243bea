"""One odd value in one line: what it is read as, and that it costs nobody the morning."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from rfm_platform_tests.customers.conftest import SNAPSHOTS, Chain, line
from rfm_platform_tests.oracle import GROUPING, Order, fee, flag
from rfm_platform_tests.strategies import FALSE_FLAGS, TEXTS, TRUE_FLAGS, UNKNOWN_FLAGS

DAY = dt.date(2024, 2, 15)
NOON = "2024-02-15 12:00"

FEES = {
    "0": "0.00", "-0": "0.00", "12000.50": "12000.50", "5.": "5.00", ".5": "0.50", "+7": "7.00",
    "-3": "-3.00", "1e3": "1000.00", "1E3": "1000.00", "1.25e+2": "125.00", "12345e-2": "123.45",
    ".5E1": "5.00", "00012": "12.00", "0.005": "0.01", "0.00499": "0.00", "-0.005": "-0.01",
    "1.005": "1.01", "2.675": "2.68", "1e-99": "0.00", "0e99": "0.00", " 9000": "9000.00",
    "\t8000\n": "8000.00", "\r\n7\r\n": "7.00", "\f6": "6.00", "\v5": "5.00", "4\v": "4.00",
    "9999999999999999": "9999999999999999.00", "9999999999999999.99": "9999999999999999.99",
    "9999999999999999.995": None, "1e16": None, "1e999": None, "99999999999999999999": None,
    "": None, " ": None, "free": None, "Rp 10.000": None, "10,000": None, "1_000": None,
    "1 000": None, "nan": None, "NaN": None, "inf": None, "-Infinity": None, "0x10": None,
    "1e": None, "e5": None, ".": None, "+": None, "-": None, "--1": None, "+-1": None,
    "1.2.3": None, "1e5.5": None, "1e+": None, "٣": None, "½": None, "- 5": None, "5-": None,
    "1d": None, "1f": None, "1\n2": None, "\\N": None, "v5": None, "5v": None,
}  # fmt: skip


def test_every_spelling_of_a_flag_is_read_and_no_other_is_guessed(chain: Chain) -> None:
    expected: dict[str, tuple[int, int]] = {}
    lines = []
    for number, (meaning, text) in enumerate(
        (meaning, text)
        for meaning, spellings in (
            (False, FALSE_FLAGS),
            (True, TRUE_FLAGS),
            (None, UNKNOWN_FLAGS),
        )
        for text in spellings
    ):
        assert flag(text) is meaning, f"the oracle reads {text!r} as {flag(text)}"
        user = f"{number} {text!r}"
        if meaning is not None:
            expected[f"c{user}"] = (int(not meaning), int(meaning))
            expected[f"r{user}"] = (int(not meaning), int(meaning))
        lines.append(line(NOON, f"c{user}", f"c{number}", cancelled_flag=text))
        lines.append(line(NOON, f"r{user}", f"r{number}", returned_flag=text))
    rows = chain.publish(lines, DAY)["aggregated_monthly"]
    assert {
        row["user_id"]: (row["total_order"], row["total_cancelled"] + row["total_returned"])
        for row in rows
    } == expected


def test_every_fee_that_is_a_number_is_read_and_no_other_is_guessed(chain: Chain) -> None:
    expected = {text: None if amount is None else Decimal(amount) for text, amount in FEES.items()}
    lines = [
        line(NOON, f"{n} {text!r}", str(n), order_shipping_fee_buyer_amount=text)
        for n, text in enumerate(FEES)
    ]
    rows = chain.publish(lines, DAY)["aggregated_monthly"]
    read = {row["user_id"]: row["min_shipping_amount"] for row in rows}
    assert read == {f"{n} {text!r}": amount for n, (text, amount) in enumerate(expected.items())}
    for text, amount in expected.items():
        hundredths = fee(text)
        assert hundredths == (None if amount is None else int(amount * 100)), text


@pytest.mark.parametrize(
    ("fees", "average"),
    [
        (("0.5",), 1),
        (("-0.5",), -1),
        (("1", "2"), 2),
        (("-1", "-2"), -2),
        (("0.49",), 0),
        (("1", "1", "2"), 1),
        (("0.01", "0.98"), 0),
        (("0.01", "0.99"), 1),
        (("9999999999999999", "9999999999999999"), 9_999_999_999_999_999),
        (("9999999999999999.99",) * 12, 10_000_000_000_000_000),
        (("-9999999999999999",) * 12, -9_999_999_999_999_999),
    ],
)
def test_the_average_fee_is_exact_and_a_half_goes_away_from_zero(
    chain: Chain, fees: tuple[str, ...], average: int
) -> None:
    lines = [
        line(NOON, order_id=str(n), order_shipping_fee_buyer_amount=text)
        for n, text in enumerate(fees)
    ]
    tables = chain.publish(lines, DAY)
    for name in ("aggregated_monthly", "final_user_analysis_snapshots"):
        assert [row["avg_shipping_amount"] for row in tables[name]] == [average]


@pytest.mark.parametrize(
    "column",
    [*GROUPING, "order_id", "marketplace_product_id", "marketplace_product_barcode", "name"],
)
def test_every_text_that_postgresql_stores_arrives_unchanged_in_every_column(
    chain: Chain, column: str
) -> None:
    texts = [*TEXTS, "a\r\nb", "a\rb", "x\r", "\nx", "\ufeffx"]
    if column == "user_id":
        texts = [text for text in texts if text not in (None, "")]
    lines, orders = [], []
    for number, text in enumerate(texts):
        values = {"user_id": f"u{number}", "order_id": f"{number}"}
        if column != "name":
            values[column] = text  # type: ignore[assignment] # null is what is tested
        lines.append(line(NOON, **values))  # type: ignore[arg-type] # as above
        orders.append(Order("shopee", f"{number}", text))
    tables = chain.publish(lines, DAY, orders=orders if column == "name" else ())
    assert len(tables["final_user_analysis_snapshots"]) == len(texts)
    shown: dict[str, tuple[str, list[Any]]] = {
        "order_id": ("total_order", [1] * len(texts)),
        "marketplace_product_barcode": ("total_quantity", [int(t is not None) for t in texts]),
        "marketplace_product_id": ("sku_list", [[f"{t or ''}/V"] for t in texts]),
        "name": ("address_shipping_name", texts),
    }
    published, expected = shown.get(column, (column, texts))
    for name in ("aggregated_monthly", "final_user_analysis_snapshots"):
        got = [row[published] for row in tables[name]]
        assert sorted(got, key=repr) == sorted(expected, key=repr)
        assert len({row["customer_key"] for row in tables[name]}) == len(texts)


@pytest.mark.parametrize("text", ["\r", "\r\n", "a\rb", "\ufeffa", "\ufeff", '"', "\\N"])
def test_a_day_whose_first_and_only_line_is_odd_is_loaded(chain: Chain, text: str) -> None:
    lines = [line(NOON, marketplace=text, shop_name=text)]
    (row,) = chain.publish(lines, DAY)["aggregated_monthly"]
    assert (row["marketplace"], row["shop_name"]) == (text, text)


def test_group_values_that_look_alike_when_joined_have_keys_of_their_own(chain: Chain) -> None:
    alike: list[tuple[str | None, str | None]] = [
        ("a", "b"), ("ab", ""), ("", "ab"), (None, "ab"), ("ab", None), (None, None), ("", ""),
        ("a;1:b", ""), ("a", "1:b"), ("1:a", "b"), ("-", None), (None, "-"), ("-", "-"), ("", None),
        (None, ""), ("a|b", "c"), ("a", "b|c"), ("a\x1fb", "c"), ("a", "b\x1fc"), ("null", None),
        ("a;1", "b"), ("é", "b"), ("e\u0301", "b"),
    ]  # fmt: skip
    lines = [
        line(NOON, order_id=str(n), shop_id=shop, shop_name=name)
        for n, (shop, name) in enumerate(alike)
    ]
    tables = chain.publish(lines, DAY)
    for name in ("aggregated_monthly", "final_user_analysis_snapshots"):
        assert len(tables[name]) == len(alike)
        assert len({row["customer_key"] for row in tables[name]}) == len(alike)


def test_the_latest_order_gives_the_name_and_the_latest_line_the_rate(chain: Chain) -> None:
    lines = [
        line("2024-02-14 09:00", order_id="1", kurs_rate=3, shop_id="A"),
        line("2024-02-15 12:00", order_id="9", kurs_rate=5, shop_id="A"),
        line("2024-02-15 12:00", order_id="10", kurs_rate=4, shop_id="A"),
        line("2024-02-15 13:00", order_id="7", kurs_rate=2, shop_id="A", cancelled_flag="y"),
        line("2024-02-15 12:00", order_id="é", kurs_rate=None, shop_id="B"),
        line("2024-02-15 12:00", order_id="z", kurs_rate=8, shop_id="B"),
        line("2024-02-15 12:00", order_id="11", kurs_rate=8, shop_id="C"),
        line("2024-02-15 12:00:00.000001", order_id="12", kurs_rate=None, shop_id="C"),
    ]
    orders = [
        Order("shopee", "1", "one"),
        Order("shopee", "9", "nine"),
        Order("shopee", "9", "Nine"),
        Order("shopee", "9", None),
        Order("lazada", "9", "zzz"),
        Order("shopee", "10", "ten"),
        Order("shopee", "7", "seven"),
        Order("shopee", "é", "e"),
        Order("shopee", "z", "z"),
        Order("shopee", "11", "eleven"),
    ]
    tables = chain.publish(lines, DAY, orders=orders)
    for name in ("aggregated_monthly", "final_user_analysis_snapshots"):
        assert {
            row["shop_id"]: (row["kurs_rate"], row["address_shipping_name"]) for row in tables[name]
        } == {"A": (2, "nine"), "B": (8, "e"), "C": (None, None)}


def test_a_group_with_only_cancelled_lines_keeps_a_row_of_zeros(chain: Chain) -> None:
    lines = [
        line(NOON, order_id="1", cancelled_flag="t", returned_flag="t", kurs_rate=7),
        line(NOON, order_id="1", cancelled_flag="t", kurs_rate=6),
        line(NOON, order_id="2", returned_flag="t", kurs_rate=5),
        line(NOON, user_id="odd", order_id="3", returned_flag="?"),
    ]
    tables = chain.publish(lines, DAY, orders=[Order("shopee", "1", "Ann")])
    for name in ("aggregated_monthly", "final_user_analysis_snapshots"):
        (row,) = tables[name]
        zeros = ("total_order", "total_gmv_amount", "total_gmv_base_amount", "total_sku")
        assert [row[column] for column in (*zeros, "total_quantity")] == [0, 0, 0, 0, 0]
        assert (row["total_cancelled"], row["total_returned"]) == (1, 2)
        assert row["sku_list"] == []
        assert row["kurs_rate"] == 7
        empty = ("first_order_timestamp", "last_order_timestamp", "address_shipping_name")
        fees = ("min_shipping_amount", "max_shipping_amount", "avg_shipping_amount")
        assert [row[column] for column in (*empty, *fees)] == [None] * 6
    assert not any(tables[name] for name in SNAPSHOTS[1:])


def test_skus_are_listed_once_in_code_point_order_however_their_parts_are_null(
    chain: Chain,
) -> None:
    parts = [("P", None), ("P", ""), (None, "V"), (None, None), ("é", "1"), ("z", "1"), ("Z", "1")]
    lines = [
        line(NOON, order_id=str(n), marketplace_product_id=product, marketplace_variant_id=variant)
        for n, (product, variant) in enumerate(parts * 2)
    ]
    tables = chain.publish(lines, DAY)
    for name in ("aggregated_monthly", "final_user_analysis_snapshots"):
        (row,) = tables[name]
        assert row["sku_list"] == ["/V", "P/", "Z/1", "z/1", "é/1"]
        assert row["total_sku"] == 5


def test_a_snapshot_in_a_month_that_goes_on_still_sees_the_months_before_it(chain: Chain) -> None:
    lines = [
        line("2024-01-10 10:00", order_id="1", amount=1),
        line("2024-02-10 10:00", order_id="2", amount=10),
        line("2024-02-20 10:00", order_id="3", amount=100),
    ]
    tables = chain.publish(lines, DAY)
    assert [row["total_gmv_amount"] for row in tables["final_user_analysis_snapshots"]] == [11]
    assert sorted(row["total_gmv_amount"] for row in tables["aggregated_monthly"]) == [1, 110]
