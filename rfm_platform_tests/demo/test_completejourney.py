"""The real data, counted once more with pandas and exact decimals."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest

from rfm_platform.demo import completejourney
from rfm_platform.demo.completejourney import MissingDataError
from rfm_platform_tests.demo.conftest import Mart, query


def test_the_published_figures_of_the_data_are_all_there(real: Mart) -> None:
    mart, loaded = real
    assert (loaded.lines, loaded.orders, loaded.customers) == (1_469_307, 155_848, 2_469)
    assert (loaded.first_day, loaded.last_day) == (dt.date(2017, 1, 1), dt.date(2017, 12, 31))
    assert loaded.timezone == "America/New_York"
    counted = query(
        mart,
        "SELECT count(*), count(DISTINCT order_id), count(DISTINCT user_id), "
        "count(DISTINCT shop_id), min(create_timestamp::date), max(create_timestamp::date) "
        "FROM flatten_order_marketplace",
    )
    assert counted == [(1_469_307, 155_848, 2_469, 457, dt.date(2017, 1, 1), dt.date(2017, 12, 31))]
    assert query(
        mart,
        "SELECT count(*), count(DISTINCT order_id), count(address_shipping_name) "
        "FROM order_marketplace",
    ) == [(155_848, 155_848, 0)]


def test_every_day_has_its_lines_and_cents_as_pandas_counts_them(real: Mart) -> None:
    mart, _ = real
    frame = pd.read_parquet(
        completejourney.transactions_file(), columns=["transaction_timestamp", "sales_value"]
    )
    local = frame["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    cent = Decimal("0.01")
    # the shortest decimal that is this double is the amount that was on the receipt
    frame["cents"] = [
        int(Decimal(repr(v)).quantize(cent) * 100) for v in frame["sales_value"].tolist()
    ]
    by_day = frame.groupby(local.dt.date)["cents"].agg(["size", "sum"])
    expected = [(day, int(n), int(cents)) for day, n, cents in by_day.itertuples(name=None)]
    assert query(
        mart,
        "SELECT create_timestamp::date AS day, count(*), sum(product_gmv_amount)::bigint "
        "FROM flatten_order_marketplace GROUP BY day ORDER BY day",
    ) == sorted(expected)


def test_what_the_data_does_not_have_is_null_and_what_identifies_is_not(real: Mart) -> None:
    mart, _ = real
    assert query(
        mart,
        "SELECT count(shop_name) + count(magpie_region_code) + count(cancelled_flag) "
        "+ count(returned_flag) + count(marketplace_variant_id) "
        "+ count(order_shipping_fee_buyer_amount), count(*) FILTER (WHERE kurs_rate = 1 "
        "AND marketplace = 'completejourney' AND shop_id <> '' AND user_id <> '' "
        "AND order_id <> '' AND marketplace_product_id = marketplace_product_barcode "
        "AND product_gmv_amount >= 0) FROM flatten_order_marketplace",
    ) == [(0, 1_469_307)]


def test_a_basket_is_one_order_of_one_customer_in_one_shop_on_one_day(real: Mart) -> None:
    mart, _ = real
    assert query(
        mart,
        "SELECT count(*) FROM (SELECT 1 FROM flatten_order_marketplace GROUP BY order_id "
        "HAVING min(user_id) <> max(user_id) OR min(shop_id) <> max(shop_id) "
        "OR min(create_timestamp::date) <> max(create_timestamp::date)) AS odd",
    ) == [(0,)]


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(completejourney, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(MissingDataError, match=r"rfm_platform\[demo\]"):
        completejourney.transactions_file()
