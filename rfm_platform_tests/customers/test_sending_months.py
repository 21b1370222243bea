"""A month of which only differing rows were sent is the one that would be sent whole."""

import datetime as dt
from typing import Any

import pytest
from deltalake import DeltaTable

from rfm_platform.customers.sending import VERSIONS_LOOKED_AT
from rfm_platform.warehouse import Publication
from rfm_platform_tests.customers.conftest import Chain, line, without
from rfm_platform_tests.oracle import Line

JANUARY, LAST = dt.date(2024, 1, 1), dt.date(2024, 1, 31)
CHANGED = {"u3", "u4", "re-keyed"}


def bought() -> list[Line]:
    """Ten customers with an order on January's last day."""
    return [line(str(LAST), user_id=f"u{n}", order_id=f"{n}") for n in range(10)]


def bought_with_late_changes() -> list[Line]:
    lines = bought()
    lines[3] = lines[3]._replace(product_gmv_amount=7)
    lines[4] = lines[4]._replace(cancelled_flag="t")
    lines[5] = lines[5]._replace(user_id="re-keyed")
    del lines[6]
    return lines


def published(chain: Chain) -> dict[str, dict[str, Any]]:
    rows = chain.platform.warehouse.rows("SELECT * FROM rfm.aggregated_monthly")
    found = {row["user_id"]: row for row in rows}
    assert len(found) == len(rows), "no row is there twice"
    return found


def publish(chain: Chain) -> None:
    chain.platform.publisher.publish_months([JANUARY], "test")


def sent_anew(chain: Chain) -> dict[str, dict[str, Any]]:
    """What is published when nothing is known of an earlier state."""
    in_warehouse(chain, "TRUNCATE rfm.publications")
    publish(chain)
    return published(chain)


def in_warehouse(chain: Chain, statement: str) -> None:
    with chain.platform.warehouse.database.connect() as connection:
        connection.execute(statement.encode())


def untimed(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {user: without(row, "load_timestamp") for user, row in rows.items()}


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that a publication replaced whole."""
    tables: list[str] = []
    original = Publication.replace

    def noted(self: Publication, table: Any, *args: Any) -> int:
        tables.append(table.name)
        return original(self, table, *args)

    monkeypatch.setattr(Publication, "replace", noted)
    return tables


@pytest.fixture
def changed(chain: Chain) -> Chain:
    """January is published; the lake has folded late changes that the warehouse has not seen."""
    chain.start_anew()
    chain.fill(bought())
    chain.load(LAST, LAST)
    chain.fill(bought_with_late_changes())
    chain.extract(LAST, LAST)
    chain.platform.transforms.fold_months([JANUARY])
    return chain


def test_only_rows_that_differ_are_sent_and_the_month_is_as_if_sent_whole(
    changed: Chain, whole: list[str]
) -> None:
    before = published(changed)
    publish(changed)
    after = published(changed)
    assert whole == []
    assert {u for u, row in after.items() if row != before.get(u)} == CHANGED
    assert after.keys() == (before.keys() | CHANGED) - {"u5", "u6"}
    assert untimed(after) == untimed(sent_anew(changed))
    assert whole == ["aggregated_monthly"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM rfm.aggregated_monthly WHERE user_id = 'u1'",
        "DELETE FROM rfm.aggregated_monthly WHERE user_id = 'u3'",
        "UPDATE rfm.aggregated_monthly SET total_gmv_base_amount = 0 WHERE user_id = 'u1'",
        "INSERT INTO rfm.aggregated_monthly SELECT * FROM rfm.aggregated_monthly LIMIT 1",
        # Adds up: only the number of rows that go tells.
        "UPDATE rfm.aggregated_monthly SET customer_key = 'x' WHERE user_id = 'u3'",
        "UPDATE rfm.publications SET version = 'another'",
    ],
)
def test_a_month_that_the_warehouse_does_not_hold_as_the_lake_did_is_sent_whole(
    changed: Chain, whole: list[str], damage: str
) -> None:
    in_warehouse(changed, damage)
    publish(changed)
    after = published(changed)
    assert whole == ["aggregated_monthly"]
    assert untimed(after) == untimed(sent_anew(changed))


def test_a_month_whose_earlier_state_was_removed_from_the_lake_is_sent_whole(
    changed: Chain, whole: list[str]
) -> None:
    months = changed.platform.lake.aggregated_monthly
    DeltaTable(months.path).vacuum(0, enforce_retention_duration=False, dry_run=False)
    publish(changed)
    assert whole == ["aggregated_monthly"]
    assert published(changed).keys() >= CHANGED


def test_the_published_state_is_found_behind_states_that_were_never_published(
    changed: Chain, whole: list[str]
) -> None:
    """A run that died between lake and warehouse leaves some states that were never published."""
    fold = changed.platform.transforms.fold_months
    fold([JANUARY] * (VERSIONS_LOOKED_AT - 1))
    publish(changed)
    assert whole == []
    assert untimed(published(changed)) == untimed(sent_anew(changed))


def test_a_month_that_goes_on_is_sent_whole_because_each_row_is_of_a_new_batch(
    chain: Chain, whole: list[str]
) -> None:
    day_before = LAST - dt.timedelta(days=1)
    chain.start_anew()
    chain.fill([line(str(day), user_id=str(day), order_id=str(day)) for day in (day_before, LAST)])
    chain.load(day_before, day_before)
    chain.extract(LAST, LAST)
    chain.platform.transforms.fold_months([JANUARY])
    whole.clear()
    publish(chain)
    assert whole == ["aggregated_monthly"]
    assert {row["etl_batch_time"].date() for row in published(chain).values()} == {LAST}
