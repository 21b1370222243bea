"""A quarter of real orders, and every figure once more by pandas and NumPy from the Parquet file.

Nothing is shared with the platform but the file: the zone, the cents, the quartiles and the cohorts
are worked out here again, and compared to the last cent and customer.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfm_platform.demo import completejourney
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import Outcome, plan
from rfm_platform_tests.assets.chain import Chain, new_chain

FIRST, LAST = dt.date(2017, 1, 1), dt.date(2017, 3, 31)
MONTHS = ("2017-01", "2017-02", "2017-03")
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def real(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Chain, list[Outcome]]]:
    chain = new_chain(
        server,
        tmp_path_factory.mktemp("real"),
        start_date=FIRST,
        end_date=dt.date(2017, 12, 31),
        timezone=completejourney.TIMEZONE,
        memory_limit_mb=1000,
    )
    completejourney.load(chain.mart)
    yield chain, chain.run(*plan(FIRST, LAST, "month-ends"))
    chain.in_mart("DROP TABLE flatten_order_marketplace, order_marketplace")


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """The quarter's lines: customer, order, shop, local timestamp and month, cents."""
    frame = pd.read_parquet(completejourney.transactions_file())
    local = frame["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    frame = frame.assign(created=local.dt.tz_localize(None), month=local.dt.strftime("%Y-%m"))
    frame = frame[frame["month"].isin(MONTHS)]
    # the shortest decimal that is this double is the amount that was on the receipt
    cents = [int(Decimal(repr(v)).quantize(CENT) * 100) for v in frame["sales_value"].tolist()]
    return frame.assign(
        cents=cents,
        customer=frame["household_id"].astype(str),
        order=frame["basket_id"].astype(str),
    )


def test_every_run_succeeds_and_every_check_passes(real: tuple[Chain, list[Outcome]]) -> None:
    _, outcomes = real
    assert [outcome.errors for outcome in outcomes if not outcome.succeeded] == []
    assert len(outcomes) == 3 + 3
    failed = {(c.check, c.description) for o in outcomes for c in o.checks if not c.passed}
    assert failed == set()


def test_customers_orders_and_cents_of_every_month_are_those_of_pandas(
    real: tuple[Chain, list[Outcome]], lines: pd.DataFrame
) -> None:
    expected = [
        (
            month,
            group["customer"].nunique(),
            group["order"].nunique(),
            int(group["cents"].sum()),
            len(group),
        )
        for month, group in lines.groupby("month")
    ]
    assert len(expected) == 3
    assert expected == real[0].in_warehouse(
        "SELECT TO_CHAR(month_of_order, 'YYYY-MM'), COUNT(DISTINCT user_id)::int, "
        "SUM(total_order)::int, SUM(total_gmv_amount)::bigint, SUM(total_quantity)::bigint "
        "FROM rfm.aggregated_monthly GROUP BY 1 ORDER BY 1"
    )


def test_each_customers_month_in_each_shop_is_that_of_pandas(
    real: tuple[Chain, list[Outcome]], lines: pd.DataFrame
) -> None:
    shops = lines.assign(shop=lines["store_id"].astype(str))
    grouped = shops.groupby(["shop", "customer", "month"]).agg(
        orders=("order", "nunique"),
        cents=("cents", "sum"),
        skus=("product_id", "nunique"),
        units=("product_id", "size"),
        first=("created", "min"),
        last=("created", "max"),
    )
    expected = [
        (*key, int(orders), int(cents), int(skus), int(units), first, last)
        for key, orders, cents, skus, units, first, last in grouped.itertuples(name=None)
    ]
    found = real[0].in_warehouse(
        "SELECT shop_id, user_id, TO_CHAR(month_of_order, 'YYYY-MM'), total_order, "
        "total_gmv_amount, total_sku, total_quantity, first_order_timestamp, last_order_timestamp "
        "FROM rfm.aggregated_monthly"
    )
    assert sorted(found) == sorted(expected)


def _customers(lines: pd.DataFrame) -> pd.DataFrame:
    grouped = lines.groupby("customer").agg(
        last=("created", "max"), frequency=("order", "nunique"), monetary=("cents", "sum")
    )
    recency = [(LAST - last.date()).days for last in grouped["last"]]
    return grouped.assign(recency=recency)


def test_quartiles_are_numpys_and_scores_follow_from_them(
    real: tuple[Chain, list[Outcome]], lines: pd.DataFrame
) -> None:
    customers = _customers(lines)
    quartiles = {
        metric: tuple(float(q) for q in np.percentile(customers[metric].to_numpy(), [25, 75]))
        for metric in ("recency", "frequency", "monetary")
    }
    found = real[0].in_warehouse(
        "SELECT metric, q1, q3 FROM rfm.rfm_thresholds WHERE as_of_date = %s AND scope = 'all'",
        LAST,
    )
    assert {metric: (q1, q3) for metric, q1, q3 in found} == quartiles

    def rank(metric: str, value: int) -> int:
        """1 to 3, the boundary on the lower side."""
        q1, q3 = quartiles[metric]
        return 1 if value <= q1 else 2 if value <= q3 else 3

    expected: list[tuple[Any, ...]] = []
    for customer, row in customers.iterrows():
        values = [int(row[metric]) for metric in ("recency", "frequency", "monetary")]
        r, f, m = (
            4 - rank("recency", values[0]),
            rank("frequency", values[1]),
            rank("monetary", values[2]),
        )
        expected.append((customer, *values, r, f, m, r + f + m))
    scores = real[0].in_warehouse(
        "SELECT user_id, recency, frequency, monetary, r_score, f_score, m_score, total_score "
        "FROM rfm.rfm_scores WHERE as_of_date = %s",
        LAST,
    )
    assert sorted(scores) == sorted(expected)


def test_cohort_sizes_retention_orders_and_cents_are_those_of_pandas(
    real: tuple[Chain, list[Outcome]], lines: pd.DataFrame
) -> None:
    cohort_of = lines.groupby("customer")["month"].min()
    sizes = cohort_of.value_counts()
    cells = lines.assign(cohort=lines["customer"].map(cohort_of)).groupby(["cohort", "month"])
    figures = cells.agg(
        value=("customer", "nunique"), orders=("order", "nunique"), cents=("cents", "sum")
    )
    by_cell: dict[Any, tuple[int, int, int]] = {
        key: (int(value), int(orders), int(cents))
        for key, value, orders, cents in figures.itertuples(name=None)
    }
    expected = []
    for cohort in MONTHS:
        for months, month in enumerate(MONTHS[MONTHS.index(cohort) :]):
            cell = by_cell[cohort, month]
            expected.append((cohort, int(sizes[cohort]), months, *cell, False))
    found = real[0].in_warehouse(
        "SELECT TO_CHAR(cohort_month, 'YYYY-MM'), cohort_size, months, value, total_order, "
        "total_gmv_base_amount, is_partial FROM rfm.cohort_matrix ORDER BY 1, 3"
    )
    assert found == expected


def test_the_top_tiers_are_the_largest_customers(
    real: tuple[Chain, list[Outcome]], lines: pd.DataFrame
) -> None:
    ranked = (
        _customers(lines)
        .reset_index()
        .sort_values(["monetary", "customer"], ascending=[False, True])
    )
    everyone = len(ranked)
    ends = [-(-everyone * percent // 100) for percent in (1, 5, 20, 100)]
    expected = {}
    for place, customer in enumerate(ranked["customer"]):
        tier = next(n for n, end in enumerate(ends) if place < end)
        expected[customer] = ("top", "big", "medium", "small")[tier]
    found = real[0].in_warehouse("SELECT user_id, pyramid_tier FROM rfm.rfm_scores")
    assert dict(found) == expected
