"""Months that are published at once are what they are one after the other."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from rfm_platform.calendar import months_between
from rfm_platform.customers.publishing import Publisher
from rfm_platform.customers.sending import Sender
from rfm_platform.engine import DuckDBEngine
from rfm_platform_tests.customers.conftest import Chain, line, without

FIRST, LAST = dt.date(2024, 1, 1), dt.date(2024, 6, 30)
MONTHS = months_between(FIRST, LAST)
BROKEN = MONTHS[2]


class BrokenError(Exception):
    """What breaks on purpose."""


@pytest.fixture
def loaded(chain: Chain) -> Chain:
    """Half a year in the lake, nothing of it published."""
    chain.fill(
        [
            line(f"2024-{n % 6 + 1:02}-{n % 28 + 1:02}", user_id=f"u{n % 17}", order_id=f"{n}")
            for n in range(300)
        ]
    )
    chain.extract(FIRST, LAST)
    chain.platform.transforms.fold_months(MONTHS)
    return chain


def publisher(chain: Chain, connections: int) -> Publisher:
    return replace(chain.platform.publisher, connections=connections)


def published(chain: Chain) -> list[str]:
    rows = chain.platform.warehouse.rows("SELECT * FROM rfm.aggregated_monthly")
    return sorted(repr(without(row, "load_timestamp")) for row in rows)


@pytest.mark.parametrize("connections", [2, 4, 9])
def test_months_published_at_once_are_the_same_tables(loaded: Chain, connections: int) -> None:
    done: list[dt.date] = []
    publisher(loaded, 1).publish_months(MONTHS, "test")
    one_by_one, versions = published(loaded), loaded.platform.publisher.published_months()
    with loaded.platform.warehouse.database.connect() as connection:
        connection.execute("TRUNCATE rfm.aggregated_monthly, rfm.publications")
    publisher(loaded, connections).publish_months(MONTHS, "test", done.append)
    assert published(loaded) == one_by_one
    assert loaded.platform.publisher.published_months() == versions
    assert sorted(done) == MONTHS
    assert len(one_by_one) > len(MONTHS)


def test_a_month_that_breaks_is_the_error_and_no_month_is_half_there(
    loaded: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Sender.send_month

    def broken(self: Sender, publication: Any, month: dt.date, before: Any) -> str | None:
        sent = send(self, publication, month, before)
        if month == BROKEN:
            raise BrokenError
        return sent

    monkeypatch.setattr(Sender, "send_month", broken)
    with pytest.raises(BrokenError):
        publisher(loaded, 2).publish_months(MONTHS, "test")
    assert BROKEN in loaded.platform.publisher.outdated_months(LAST)
    monkeypatch.undo()
    still_to_do = loaded.platform.publisher.outdated_months(LAST)
    publisher(loaded, 2).publish_months(still_to_do, "test")
    rows = published(loaded)
    publisher(loaded, 1).publish_months(MONTHS, "test")
    assert published(loaded) == rows


def test_sessions_at_once_share_the_memory_of_one(loaded: Chain) -> None:
    limits: list[int] = []

    class Noted(DuckDBEngine):
        def session(self) -> Any:
            limits.append(self.memory_limit)
            return super().session()

    engine = loaded.platform.engine
    noted = Noted(engine.memory_limit, engine.spill, engine.threads)
    replace(publisher(loaded, 4), engine=noted).publish_months(MONTHS, "test")
    assert set(limits) == {engine.memory_limit // 4}
