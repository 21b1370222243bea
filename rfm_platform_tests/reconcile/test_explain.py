"""Every way in which an order can differ is named, in a day of real marts and lakes."""

import datetime as dt
from pathlib import Path

import pytest

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.bisection import ORDERS_A_DAY, Explained, explain_days
from rfm_platform.reconcile.explain import Line, causes
from rfm_platform.reconcile.sides import reconcile_days
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

DAY = "05-01"
ORDERS = ("a", "b", "c")


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(server, tmp_path)
    chain.fill(
        [line(order, DAY, marketplace_product_id=f"p{n}") for order in ORDERS for n in range(2)],
        [("shopee", order, "Budi") for order in ORDERS],
    )
    read(chain, day(DAY))
    return chain


def read(chain: Chain, on: dt.date) -> None:
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, [on])


def explained(chain: Chain) -> Explained:
    platform = chain.platform
    found = reconcile_days(platform.mart, platform.lake, platform.engine, [day(DAY)])
    return explain_days(platform.mart, platform.lake, platform.engine, found.differences)


LINES = "flatten_order_marketplace"
CHANGES = {
    "missing": (
        f"INSERT INTO {LINES} SELECT * FROM {LINES} WHERE order_id = 'a'; "
        f"UPDATE {LINES} SET order_id = 'new' WHERE ctid IN "
        f"(SELECT ctid FROM {LINES} WHERE order_id = 'a' ORDER BY ctid DESC LIMIT 2)",
        ("new", "missing", "2 lines, valid 2, 200", ""),
    ),
    "extra": (
        f"DELETE FROM {LINES} WHERE order_id = 'a'",
        ("a", "extra", "", "2 lines, valid 2, 200"),
    ),
    "a line missing": (
        f"INSERT INTO {LINES} SELECT * FROM {LINES} WHERE order_id = 'a'",
        ("a", "missing", "4 lines", "2 lines"),
    ),
    "status": (
        f"UPDATE {LINES} SET cancelled_flag = 't' WHERE order_id = 'a'",
        ("a", "status changed", "cancelled 2", "valid 2"),
    ),
    "amount": (
        f"UPDATE {LINES} SET product_gmv_amount = 7 WHERE order_id = 'a'",
        ("a", "amount changed", "14", "200"),
    ),
    "recipient": (
        "UPDATE order_marketplace SET address_shipping_name = 'Siti' WHERE order_id = 'a'",
        ("a", "recipient changed", "another", "another"),
    ),
    "another column": (
        f"UPDATE {LINES} SET shop_name = 'Shine' WHERE order_id = 'a'",
        ("a", "changed: shop_name", "", ""),
    ),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_late_change_is_explained_and_said_to_be_one(
    chain: Chain, change: str, expected: tuple[str, str, str, str]
) -> None:
    chain.in_mart(change)
    (found,) = explained(chain).explanations
    assert (found.order_id, found.cause, found.source, found.platform) == expected
    assert found.moved
    assert "Budi" not in str(found)
    assert "Siti" not in str(found)


def test_a_day_that_was_read_wrongly_is_said_to_be_one(chain: Chain) -> None:
    table = chain.platform.lake.source_orders
    with chain.platform.engine.session() as session:
        session.view(table, day(DAY), day(DAY))
        session.materialize(
            "wrong", "FROM source_orders UNION ALL FROM source_orders WHERE order_id = 'b'"
        )
        session.replace(table, "FROM wrong", [day(DAY)])
    (found,) = explained(chain).explanations
    assert (found.order_id, found.cause, found.moved) == ("b", "duplicate", False)
    assert (found.source, found.platform) == ("2 lines", "4 lines")


def test_what_is_kept_out_of_the_totals_is_named_beside_the_change(chain: Chain) -> None:
    chain.in_mart(f"UPDATE {LINES} SET cancelled_flag = 'hm', user_id = '' WHERE order_id = 'c'")
    causes = [found.cause for found in explained(chain).explanations]
    assert causes == ["status changed", "unknown flag", "no customer"]


def test_a_sample_says_that_it_is_one(chain: Chain) -> None:
    chain.fill([line(f"{n:03}", DAY) for n in range(100)])
    found = explained(chain)
    assert found.summary == f"103 orders differ; a sample of {ORDERS_A_DAY} is explained."
    assert len({explanation.order_id for explanation in found.explanations}) == ORDERS_A_DAY


def test_days_that_are_equal_have_nothing_to_explain(chain: Chain) -> None:
    assert explained(chain) == Explained([], 0, 0)


def one(**different: object) -> dict[str, object]:
    """A line as either side gives it, but for the columns that are named."""
    cancelled = int(different.get("cancelled_flag", "") == "t")
    return {
        "order_id": "1",
        "user_id": "u",
        "product_gmv_amount": 100,
        "kurs_rate": 1,
        "cancelled_flag": "",
        "returned_flag": "",
        "marketplace_product_id": "p1",
        "cancelled": cancelled,
        "returned": 0,
        "recipient": None,
    } | different


CANCELLED = one(cancelled_flag="t")
PRODUCT = "marketplace_product_id"
BETWEEN_LINES = {
    "a second of three alike lines is cancelled": (
        [one(), CANCELLED, CANCELLED],
        [one(), one(), CANCELLED],
        [("status changed", "cancelled 1", "valid 1")],
    ),
    "two products exchange their amounts": (
        [one(product_gmv_amount=200), one(**{PRODUCT: "p2"})],
        [one(), one(**{PRODUCT: "p2"}, product_gmv_amount=200)],
        [("amount changed", "200 × 1, 100 × 1", "100 × 1, 200 × 1")],
    ),
    "another of two products is cancelled": (
        [CANCELLED, one(**{PRODUCT: "p2"})],
        [one(), one(**{PRODUCT: "p2"}, cancelled_flag="t")],
        [("status changed", "cancelled, valid", "valid, cancelled")],
    ),
    "a line is gone and the other one cancelled": (
        [CANCELLED],
        [one(), one(**{PRODUCT: "p2"})],
        [("extra", "1 lines", "2 lines"), ("status changed", "cancelled 1", "valid 1")],
    ),
    "a line is held twice and another one repriced": (
        [one(), one(**{PRODUCT: "p2"}, product_gmv_amount=7)],
        [one(), one(), one(**{PRODUCT: "p2"})],
        [("duplicate", "2 lines", "3 lines"), ("amount changed", "7", "100")],
    ),
    "another product": (
        [one(**{PRODUCT: "p2"})],
        [one()],
        [("changed: marketplace_product_id", "", "")],
    ),
    "more changes than are told": (
        [one(**{PRODUCT: f"p{n}"}, product_gmv_amount=n) for n in range(7)],
        [one(**{PRODUCT: f"p{n}"}, product_gmv_amount=6 - n) for n in range(7)],
        [
            (
                "amount changed",
                "0 × 1, 1 × 1, 2 × 1, 4 × 1, 5 × 1 and 1 more",
                "6 × 1, 5 × 1, 4 × 1, 2 × 1, 1 × 1 and 1 more",
            )
        ],
    ),
}


@pytest.mark.parametrize(
    ("source", "platform", "expected"), BETWEEN_LINES.values(), ids=BETWEEN_LINES.keys()
)
def test_what_changed_is_told_of_the_same_line_of_an_order(
    source: list[Line], platform: list[Line], expected: list[tuple[str, str, str]]
) -> None:
    assert causes(source, platform) == expected
