"""Marts whose columns have types of their own: padded text, and moments that know their zone."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from rfm_platform.calendar import days_between
from rfm_platform.customers.extraction import read_days
from rfm_platform.mart import MartSnapshot
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.bisection import explain_days
from rfm_platform.reconcile.sides import reads_faithfully, reconcile_days
from rfm_platform.reconcile.totals import Difference
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

LINES, ORDERS = "flatten_order_marketplace", "order_marketplace"
DAY = day("01-01")
PADDED = {"shop_id": 8, "magpie_region_code": 4, "cancelled_flag": 5, "returned_flag": 10}


def padded(chain: Chain, table: str, column: str, length: int) -> None:
    chain.in_mart(f"ALTER TABLE {table} ALTER {column} TYPE char({length})")


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    chain = new_chain(server, tmp_path)
    chain.fill(
        [
            line("o1", "01-01", cancelled_flag="true"),
            line("o1", "01-01", returned_flag="2024-01-05", shop_id=None),
            line("o2", "01-01", marketplace="lazada", magpie_region_code=""),
            line("", "01-01", marketplace=None, cancelled_flag=""),
        ],
        [("shopee", "o1", "Budi"), ("lazada", "o2", "Siti"), ("shopee", "o2", "Zaki")],
    )
    return chain


def all_that_is_read(snapshot: MartSnapshot) -> dict[str, Any]:
    """What the mart says of the day, by every statement there is but the one of stray lines."""
    places = ("shopee", "lazada", None)
    return {
        "counts": snapshot.line_counts([DAY]),
        "fingerprints": snapshot.fingerprints([DAY]),
        "days": sorted(snapshot.totals("days", [DAY]), key=repr),
        "months": sorted(snapshot.totals("months", [DAY]), key=repr),
        "digests": [snapshot.order_digests(DAY, place) for place in places],
        "lines": [
            sorted(snapshot.order_lines(DAY, place, ["o1", "o2", ""]), key=repr) for place in places
        ],
    }


def read(chain: Chain) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """The day as the lake would have it, and as the mart's own statements have it."""
    platform = chain.platform
    with platform.mart.snapshot() as snapshot, platform.engine.session() as session:
        read_days(session, snapshot, [DAY])
        return session.rows("FROM source_orders ORDER BY ALL"), all_that_is_read(snapshot)


@pytest.mark.parametrize("with_order_id", [(), (LINES,), (ORDERS,), (LINES, ORDERS)])
def test_text_that_is_padded_is_read_without_its_blanks(
    chain: Chain, with_order_id: tuple[str, ...]
) -> None:
    expected = read(chain)
    for column, length in PADDED.items():
        padded(chain, LINES, column, length)
    for table in with_order_id:
        padded(chain, table, "order_id", 12)
    assert read(chain) == expected
    assert {"Budi", "Siti"} <= {value for row in expected[0] for value in row}


def test_a_day_of_padded_text_equals_the_source_and_every_order_of_it(chain: Chain) -> None:
    for column, length in PADDED.items():
        padded(chain, LINES, column, length)
    padded(chain, LINES, "order_id", 12)
    padded(chain, ORDERS, "address_shipping_name", 40)
    platform = chain.platform
    with platform.mart.snapshot() as snapshot:
        platform.extraction.extract(snapshot, [DAY])
        assert platform.extraction.drifted(snapshot, [DAY]) == []
    assert reads_faithfully(platform.mart, platform.engine, DAY)
    found = reconcile_days(platform.mart, platform.lake, platform.engine, [DAY])
    assert found.differences == []
    assert sum(row["lines_with_unknown_flag"] for row in found.platform) == 0
    doubted = [Difference(DAY, place, "lines", 1, 2) for place in ("shopee", "lazada")]
    explained = explain_days(platform.mart, platform.lake, platform.engine, doubted)
    assert explained.orders == 0


def test_columns_that_are_not_padded_are_compared_as_they_are_so_that_an_index_serves(
    chain: Chain,
) -> None:
    padded(chain, LINES, "shop_id", 8)
    with chain.platform.mart.snapshot() as snapshot:
        assert "::text" not in snapshot._statement("has_line").as_string(None)
        assert '"l"."shop_id"::text' in snapshot._statement("order_lines").as_string(None)


# Clocks that change at midnight: a day, moments of it in UTC, the last one before and the first
# one after it.
MIDNIGHTS = {
    # back to midnight
    "Atlantic/Azores": (
        "2024-10-27",
        ("2024-10-27 00:30", "2024-10-27 01:30"),
        ("2024-10-26 23:59:59.999999", "2024-10-28 01:00"),
    ),
    "America/Havana": (
        "2024-11-03",
        ("2024-11-03 04:30", "2024-11-03 05:30"),
        ("2024-11-03 03:59:59.999999", "2024-11-04 05:00"),
    ),
    # back from midnight
    "America/Sao_Paulo": (
        "2018-02-17",
        ("2018-02-18 01:30", "2018-02-18 02:30"),
        ("2018-02-17 01:59:59.999999", "2018-02-18 03:00"),
    ),
    # on from half past eleven to half past twelve
    "America/Toronto": (
        "1919-03-31",
        ("1919-03-31 04:30", "1919-03-31 05:30"),
        ("1919-03-31 04:29:59.999999", "1919-04-01 04:00"),
    ),
    # on by a whole day
    "Pacific/Apia": (
        "2011-12-31",
        ("2011-12-30 10:00", "2011-12-31 09:59:59.999999"),
        ("2011-12-30 09:59:59.999999", "2011-12-31 10:00"),
    ),
}
in_every_zone = pytest.mark.parametrize("zone", MIDNIGHTS)


def aware(server: EmbeddedServer, directory: Path, zone: str) -> tuple[Chain, dt.date]:
    """A mart with a zone's moments, each an order's, and the day that two of them are of."""
    chain = new_chain(server, directory, timezone=zone)
    chain.in_mart(f"ALTER TABLE {LINES} ALTER create_timestamp TYPE timestamptz")
    on, its_own, around = MIDNIGHTS[zone]
    moments = (*its_own, *around)
    chain.fill(
        [line(f"o{n}", "01-01", create_timestamp=f"{at}+00") for n, at in enumerate(moments)],
        [("shopee", f"o{n}", f"Name {n}") for n in range(len(moments))],
    )
    return chain, day(on)


def week_of(on: dt.date) -> list[dt.date]:
    return days_between(on - dt.timedelta(days=3), on + dt.timedelta(days=3))


@in_every_zone
def test_a_day_that_is_read_alone_has_both_occurrences_of_its_hours(
    server: EmbeddedServer, tmp_path: Path, zone: str
) -> None:
    chain, on = aware(server, tmp_path, zone)
    platform = chain.platform
    with platform.mart.snapshot() as snapshot, platform.engine.session() as session:
        assert snapshot.line_counts([on]) == {on: 2}
        assert [row["lines"] for row in snapshot.totals("days", [on])] == [2]
        assert [row["valid_orders"] for row in snapshot.totals("months", [on])] == [2]
        assert sorted(snapshot.order_digests(on, "shopee")) == ["o0", "o1"]
        assert len(snapshot.order_lines(on, "shopee", ["o0", "o1", "o2", "o3"])) == 2
        read_days(session, snapshot, [on])
        rows = session.rows("FROM source_orders ORDER BY ALL")
    assert {"Name 0", "Name 1"} < {value for row in rows for value in row}
    assert len(rows) == 2


@in_every_zone
def test_days_that_are_read_alone_are_what_a_look_at_all_of_them_finds(
    server: EmbeddedServer, tmp_path: Path, zone: str
) -> None:
    chain, on = aware(server, tmp_path, zone)
    week = week_of(on)
    platform = chain.platform
    with platform.mart.snapshot() as snapshot:
        for each in week:
            platform.extraction.extract(snapshot, [each])
        together = snapshot.fingerprints(week)
        assert {d: f for d in week for f in snapshot.fingerprints([d]).values()} == together
        assert platform.extraction.drifted(snapshot, week) == []
    assert len(together) == 3
    found = reconcile_days(platform.mart, platform.lake, platform.engine, week)
    assert found.differences == []
    assert sum(row["lines"] for row in found.platform) == 4


@in_every_zone
def test_no_line_of_the_first_and_of_the_last_day_is_said_to_be_outside(
    server: EmbeddedServer, tmp_path: Path, zone: str
) -> None:
    chain, on = aware(server, tmp_path, zone)
    with chain.platform.mart.snapshot() as snapshot:
        (one_day,) = snapshot.totals("outside", [on])
        (all_days,) = snapshot.totals("outside", list(snapshot.fingerprints(week_of(on))))
    assert (one_day["lines_before"], one_day["lines_after"]) == (1, 1)
    assert one_day["earliest"][:10] < str(on) < one_day["latest"][:10]
    assert (all_days["lines_before"], all_days["lines_after"]) == (0, 0)
