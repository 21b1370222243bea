"""A published snapshot whose rows were copied from an earlier one is the one that would be sent."""

import datetime as dt
from typing import Any

import pytest

from rfm_platform.warehouse import publication, statements
from rfm_platform_tests.customers.conftest import Chain, line
from rfm_platform_tests.oracle import Line

DAYS = [dt.date(2024, 1, day) for day in (29, 30, 31)]
TABLE = "rfm.final_user_analysis_snapshots"


def bought(*days: dt.date) -> list[Line]:
    """Ten customers with an order on the first day, one on each later day."""
    lines = [line(str(days[0]), user_id=f"u{n}", order_id=f"{n}") for n in range(10)]
    return lines + [line(str(day), user_id="late", order_id=str(day)) for day in days[1:]]


def published(chain: Chain, as_of: dt.date) -> list[dict[str, Any]]:
    rows = chain.platform.warehouse.rows(
        f"SELECT * FROM {TABLE} WHERE as_of_date = %(day)s ORDER BY customer_key", {"day": as_of}
    )
    assert rows, "there is a snapshot"
    return rows


def sent_anew(chain: Chain, as_of: dt.date) -> list[dict[str, Any]]:
    """What is published when nothing is known of earlier snapshots."""
    with chain.platform.warehouse.database.connect() as connection:
        connection.execute("TRUNCATE rfm.snapshot_publications")
    chain.platform.publisher.publish_customers(as_of)
    return published(chain, as_of)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows went into the table with each COPY."""
    counts: list[int] = []
    original = statements.copy_in

    def counted(cursor: Any, target: Any, columns: Any, rows: Any) -> int:
        copied = original(cursor, target, columns, rows)
        if target.as_string().endswith('"final_user_analysis_snapshots"'):
            counts.append(copied)
        return copied

    monkeypatch.setattr(publication, "copy_in", counted)
    return counts


@pytest.fixture
def two_days(chain: Chain) -> Chain:
    """Two snapshots published; the third day's is in the lake."""
    chain.start_anew()
    chain.fill(bought(*DAYS))
    for day in DAYS[:2]:
        chain.catch_up(DAYS[0], day)
        chain.platform.publisher.publish_customers(day)
    lines = bought(*DAYS)
    lines[3] = lines[3]._replace(product_gmv_amount=7)
    lines[4] = lines[4]._replace(user_id="re-keyed")
    del lines[5]
    chain.fill(lines)
    chain.catch_up(DAYS[0], DAYS[2])
    return chain


def test_rows_that_are_as_before_are_copied_and_the_snapshot_is_as_if_sent(
    two_days: Chain, sent: list[int]
) -> None:
    two_days.platform.publisher.publish_customers(DAYS[2])
    copied = published(two_days, DAYS[2])
    assert sum(sent) == 3, "the changed, the re-keyed and the one who bought again"
    assert copied == sent_anew(two_days, DAYS[2])
    assert {row["user_id"] for row in copied} == {
        *(f"u{n}" for n in range(10) if n not in {4, 5}),
        "re-keyed",
        "late",
    }


def test_an_earlier_snapshot_that_lost_rows_in_the_warehouse_is_not_copied(
    two_days: Chain,
) -> None:
    with two_days.platform.warehouse.database.connect() as connection:
        connection.execute(f"DELETE FROM {TABLE} WHERE user_id = 'u1'".encode())
    two_days.platform.publisher.publish_customers(DAYS[2])
    copied = published(two_days, DAYS[2])
    assert "u1" in {row["user_id"] for row in copied}
    assert copied == sent_anew(two_days, DAYS[2])


def test_an_earlier_snapshot_that_was_computed_again_and_not_published_is_not_copied(
    two_days: Chain, sent: list[int]
) -> None:
    """The one before it still is, and the result is the same."""
    lake = two_days.platform.lake.final_user_analysis
    lake.commit([], [DAYS[1]])
    two_days.platform.transforms.analyse_customers(DAYS[1])
    with two_days.platform.warehouse.database.connect() as connection:
        connection.execute(
            f"UPDATE {TABLE} SET total_gmv_amount = 0 WHERE as_of_date = %s".encode(), [DAYS[1]]
        )
    two_days.platform.publisher.publish_customers(DAYS[2])
    copied = published(two_days, DAYS[2])
    assert sum(sent) == 3
    assert all(row["total_gmv_amount"] for row in copied)
    assert copied == sent_anew(two_days, DAYS[2])
