"""Segments, moves with their causes and retention by slice, against loops over the mart's lines.

A cause is found here by brute force: the customer is scored again in a world in which one thing is
as it was before, by the oracle's own quartiles and scores.
"""

import datetime as dt
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from rfm_platform.customers.segments import Segments, load_segments
from rfm_platform.reconcile.analyses import migration_violations, segment_violations
from rfm_platform.warehouse import Warehouse
from rfm_platform_tests.customers.conftest import SEGMENTS, Chain, line
from rfm_platform_tests.oracle import Line, Row, quartile, score

BEFORE, NOW = dt.date(2024, 2, 29), dt.date(2024, 3, 31)
# A marketplace may have the name of the scope of everybody's quartiles.
SHOPS = [("shopee", "S1"), ("shopee", "S2"), ("lazada", "L1"), ("tiktok shop", "T1"), ("all", "A1")]
TABLES = ("rfm_segments", "rfm_cells", "rfm_concentration", "rfm_migration", "cohort_retention")
METRICS = ("recency", "frequency", "monetary")
Customer = tuple[Any, Any]


def _lines(seed: int, customers: int = 150) -> list[Line]:
    """Orders of a quarter; some customers in two shops, some orders over both."""
    chance = random.Random(seed)  # noqa: S311 - the same orders each time
    made = []
    for n in range(customers):
        marketplace, shop = chance.choice(SHOPS)
        for k in range(chance.choice((1, 1, 1, 2, 3, 5, 9))):
            at = dt.date(2024, 1, 27) + dt.timedelta(days=chance.randrange(65))
            shops = [chance.choice(("S1", "S2"))] if marketplace == "shopee" else [shop]
            if marketplace == "shopee" and chance.random() < 0.1:
                shops = ["S1", "S2"]
            made += [
                line(
                    f"{at} 12:00",
                    f"u{n}",
                    f"{n}-{k}",
                    chance.randrange(1, 500),
                    marketplace=marketplace,
                    shop_id=one,
                    shop_name=f"Shop {one}",
                )
                for one in shops
            ]
    return made


@dataclass(frozen=True)
class Taken:
    """What was ordered as each snapshot saw it, and what was published."""

    before: list[Line]
    now: list[Line]
    tables: dict[str, list[Row]]
    per_marketplace: bool
    warehouse: Warehouse


@pytest.fixture(scope="module", params=["all", "marketplace"])
def taken(chain: Chain, request: pytest.FixtureRequest) -> Iterator[Taken]:
    """Two month ends; between them orders of before are cancelled, repriced, or first appear."""
    per_marketplace = request.param == "marketplace"
    chance = random.Random(7)  # noqa: S311 - the same orders each time
    every = _lines(5)
    cancelled, repriced, missing = (
        {each.order_id for each in every if chance.random() < share} for share in (0.08, 0.1, 0.12)
    )
    lines = [each for each in every if each.order_id not in missing]
    late = [
        each._replace(
            cancelled_flag="true" if each.order_id in cancelled else "false",
            product_gmv_amount=(each.product_gmv_amount or 0)
            * (20 if each.order_id in repriced else 1),
        )
        for each in every
    ]
    analyses, publisher = chain.platform.analyses, chain.platform.publisher
    chain.start_anew()
    chain.fill(lines)
    chain.load(dt.date(2024, 1, 27), BEFORE)
    chain.snapshot(BEFORE, per_marketplace=per_marketplace)
    chain.fill(late)
    chain.load(dt.date(2024, 1, 27), NOW)
    chain.snapshot(NOW, per_marketplace=per_marketplace)
    assert analyses.migrate(NOW, SEGMENTS) == BEFORE
    analyses.segment(NOW, SEGMENTS)
    analyses.retain(NOW)
    publisher.publish_analyses(NOW, *TABLES)
    rows = chain.platform.warehouse.rows
    yield Taken(
        before=[each for each in lines if _day(each) <= BEFORE],
        now=[each for each in late if each.cancelled_flag == "false"],
        tables={table: rows(f"SELECT * FROM rfm.{table}") for table in TABLES},
        per_marketplace=per_marketplace,
        warehouse=chain.platform.warehouse,
    )


def _day(each: Line) -> dt.date:
    assert each.create_timestamp is not None
    return each.create_timestamp.date()


def _customers(lines: Sequence[Line]) -> dict[Customer, tuple[dt.date, int, int]]:
    """Last order, orders, amount."""
    found: dict[Customer, list[Line]] = defaultdict(list)
    for each in lines:
        found[each.marketplace, each.user_id].append(each)
    return {
        who: (
            max(_day(each) for each in theirs),
            len({each.order_id for each in theirs}),
            sum(each.product_gmv_amount or 0 for each in theirs),
        )
        for who, theirs in found.items()
    }


class World:
    """Customers at a clock, and the thresholds that this gives."""

    def __init__(self, lines: Sequence[Line], clock: dt.date, *, per_marketplace: bool) -> None:
        self.orders, self.clock, self._split = _customers(lines), clock, per_marketplace
        values: dict[tuple[Any, str], list[int]] = defaultdict(list)
        for who in self.orders:
            for metric, value in zip(METRICS, self.metrics(who), strict=True):
                values[self._scope(who), metric].append(value)
        self.quartiles = {
            key: (quartile(some, 1), quartile(some, 3)) for key, some in values.items()
        }

    def _scope(self, who: Customer) -> Any:
        return who[0] if self._split else "all"

    def metrics(self, who: Customer, clock: dt.date | None = None) -> tuple[int, int, int]:
        last, orders, amount = self.orders[who]
        return max(((clock or self.clock) - last).days, 0), orders, amount

    def segment(self, who: Customer, metrics: tuple[int, int, int]) -> str:
        r, f, m = (
            score(metric, value, *self.quartiles[self._scope(who), metric])
            for metric, value in zip(METRICS, metrics, strict=True)
        )
        return SEGMENTS.cells[r, f, m]


def _cause(before: World, now: World, who: Customer) -> str:
    was = before.segment(who, before.metrics(who))
    is_now = now.segment(who, now.metrics(who))
    if was == is_now:
        return "stayed"
    with_one_set_back = {
        _change_of_orders(before, now, who): now.segment(who, before.metrics(who, clock=now.clock)),
        "time": now.segment(who, now.metrics(who, clock=before.clock)),
        "thresholds": before.segment(who, now.metrics(who)),
    }
    needed = [name for name, segment in with_one_set_back.items() if segment != is_now]
    return "+".join(needed) or "any_of_several"


def _change_of_orders(before: World, now: World, who: Customer) -> str:
    last, orders, amount = now.orders[who]
    if last > before.clock:
        return "new_order"
    _, orders_before, amount_before = before.orders.get(who, (last, 0, 0))
    fell = orders < orders_before or amount < amount_before
    return "cancellation" if fell else "correction"


def _slices(lines: Sequence[Line]) -> dict[tuple[Any, ...], set[Customer]]:
    members: dict[tuple[Any, ...], set[Customer]] = defaultdict(set)
    for each in lines:
        for one in (
            ("all", None, None),
            ("marketplace", each.marketplace, None),
            ("shop", each.marketplace, each.shop_id),
        ):
            members[one].add((each.marketplace, each.user_id))
    return members


def test_every_move_and_its_cause_is_what_brute_force_finds(taken: Taken) -> None:
    before = World(taken.before, BEFORE, per_marketplace=taken.per_marketplace)
    now = World(taken.now, NOW, per_marketplace=taken.per_marketplace)
    expected: Counter[tuple[Any, ...]] = Counter()
    were, are = _slices(taken.before), _slices(taken.now)
    for one in were.keys() | are.keys():
        for who in were[one] | are[one]:
            source = before.segment(who, before.metrics(who)) if who in were[one] else None
            target = now.segment(who, now.metrics(who)) if who in are[one] else None
            if target is None:
                cause = "cancellation"
            elif source is None:
                cause = "new_order" if now.orders[who][0] > BEFORE else "correction"
            else:
                cause = _cause(before, now, who)
            expected[*one, source, target, cause] += 1
    columns = ("scope", "marketplace", "shop_id", "from_segment", "to_segment", "cause")
    found = {
        tuple(row[column] for column in columns): row["customers"]
        for row in taken.tables["rfm_migration"]
    }
    assert found == dict(expected)
    causes = {part for key in expected for part in key[-1].split("+")}
    assert causes >= {"stayed", "new_order", "cancellation", "correction", "time", "thresholds"}
    assert {key[3] is None for key in expected if "correction" in key[-1]} == {True, False}
    assert migration_violations(taken.warehouse, NOW, BEFORE, SEGMENTS) == []
    assert segment_violations(taken.warehouse, NOW, SEGMENTS) == []


def test_segments_of_each_slice_are_those_of_its_customers(taken: Taken) -> None:
    world = World(taken.now, NOW, per_marketplace=taken.per_marketplace)
    expected = {}
    for one, members in _slices(taken.now).items():
        here = [
            each
            for each in taken.now
            if one[0] == "all" or (each.marketplace == one[1] and one[2] in (None, each.shop_id))
        ]
        of_segment: dict[str, list[Customer]] = defaultdict(list)
        for who in members:
            of_segment[world.segment(who, world.metrics(who))].append(who)
        for segment, some in of_segment.items():
            theirs = [each for each in here if (each.marketplace, each.user_id) in some]
            expected[*one, segment] = (
                len(some),
                len({(each.marketplace, each.order_id) for each in theirs}),
                sum(each.product_gmv_amount or 0 for each in theirs),
                statistics.median(world.metrics(who)[0] for who in some),
            )
    large = {
        (row["scope"], row["marketplace"], row["shop_id"])
        for row in taken.tables["rfm_segments"]
        if row["withheld"] is None
    }
    found = {
        (row["scope"], row["marketplace"], row["shop_id"], row["segment"]): (
            row["customers"],
            row["orders"],
            row["revenue"],
            row["median_recency"],
        )
        for row in taken.tables["rfm_segments"]
        if row["withheld"] is None
    }
    assert found == {key: value for key, value in expected.items() if key[:3] in large}
    assert {key[0] for key in found} == {"all", "marketplace", "shop"}


def test_retention_of_each_slice_is_that_of_loops_over_the_lines(taken: Taken) -> None:
    months = {1: "2024-01-01", 2: "2024-02-01", 3: "2024-03-01"}
    expected: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for one in _slices(taken.now):
        theirs: dict[Customer, list[Line]] = defaultdict(list)
        for each in taken.now:
            if one[0] == "all" or (each.marketplace == one[1] and one[2] in (None, each.shop_id)):
                theirs[each.marketplace, each.user_id].append(each)
        first = {who: min(_day(each) for each in some).month for who, some in theirs.items()}
        for cohort in set(first.values()):
            of_cohort = [who for who in theirs if first[who] == cohort]
            so_far = 0
            for month in range(cohort, 4):
                bought = [e for who in of_cohort for e in theirs[who] if _day(e).month == month]
                revenue = sum(each.product_gmv_amount or 0 for each in bought)
                so_far += revenue
                expected[*one, dt.date.fromisoformat(months[cohort]), month - cohort] = (
                    len(of_cohort),
                    len({(each.marketplace, each.user_id) for each in bought}),
                    len({(each.marketplace, each.order_id) for each in bought}),
                    revenue,
                    so_far,
                    False,
                    cohort == 1,
                )
    key = ("scope", "marketplace", "shop_id", "cohort_month", "months")
    measures = ("cohort_size", "customers", "orders", "revenue", "cumulative_revenue")
    found = {
        tuple(row[c] for c in key): tuple(
            row[c] for c in (*measures, "is_partial", "is_left_truncated")
        )
        for row in taken.tables["cohort_retention"]
    }
    assert found == expected


def test_the_concentration_of_a_slice_is_the_sum_of_its_largest_customers(taken: Taken) -> None:
    for one in _slices(taken.now):
        amounts: Counter[Customer] = Counter()
        for each in taken.now:
            if one[0] == "all" or (each.marketplace == one[1] and one[2] in (None, each.shop_id)):
                amounts[each.marketplace, each.user_id] += each.product_gmv_amount or 0
        largest = sorted(amounts.values(), reverse=True)
        for row in taken.tables["rfm_concentration"]:
            if (row["scope"], row["marketplace"], row["shop_id"]) == one:
                count = -(-len(largest) * row["percent"] // 100)
                assert (row["customers"], row["revenue"]) == (count, sum(largest[:count])), row


def test_too_few_customers_or_days_are_said_and_give_no_segment(chain: Chain) -> None:
    lines = [line("2024-01-30 10:00", f"u{n}", f"{n}", n + 1) for n in range(40)]
    few = [line("2024-01-30 10:00", "x", "x", marketplace="lazada", shop_id="L")]
    chain.publish([*lines, *few], dt.date(2024, 1, 30))
    segments = load_segments()

    def said(day: dt.date) -> dict[Any, Any]:
        chain.platform.analyses.segment(day, segments)
        chain.platform.publisher.publish_analyses(day, "rfm_segments")
        rows = chain.platform.warehouse.rows(
            "SELECT scope, marketplace, segment, withheld FROM rfm.rfm_segments_snapshots "
            "WHERE as_of_date = %(day)s AND scope <> 'shop'",
            {"day": day},
        )
        assert all((row["segment"] is None) == (row["withheld"] is not None) for row in rows)
        return {(row["scope"], row["marketplace"]): row["withheld"] for row in rows}

    too_soon = said(dt.date(2024, 1, 30))
    assert set(too_soon.values()) == {"1 days of orders, fewer than 28"}
    chain.snapshot(dt.date(2024, 2, 27))
    assert said(dt.date(2024, 2, 27)) == {
        ("all", None): None,
        ("marketplace", "shopee"): None,
        ("marketplace", "lazada"): "fewer than 30 customers",
    }


def test_without_the_snapshot_of_a_month_before_no_move_is_told(chain: Chain) -> None:
    chain.publish([line("2024-01-10 10:00")], dt.date(2024, 1, 31))
    assert chain.platform.analyses.migrate(dt.date(2024, 1, 31), SEGMENTS) is None
    assert chain.platform.lake.rfm_migration.partitions() == []


def test_a_renamed_segment_is_renamed_in_the_moves_and_moves_nobody(chain: Chain) -> None:
    """Snapshots keep the names that they were scored with, before and now."""
    chain.publish(_lines(5), BEFORE)
    chain.snapshot(NOW)
    edited = {name: f"New {name}" for name in SEGMENTS.actions}
    renamed = Segments(
        version=2,
        cells={cell: edited[name] for cell, name in SEGMENTS.cells.items()},
        actions={edited[name]: action for name, action in SEGMENTS.actions.items()},
    )

    def moves(segments: Segments) -> list[Row]:
        assert chain.platform.analyses.migrate(NOW, segments) == BEFORE
        chain.platform.publisher.publish_analyses(NOW, "rfm_migration")
        assert migration_violations(chain.platform.warehouse, NOW, BEFORE, segments) == []
        return chain.platform.warehouse.rows("SELECT * FROM rfm.rfm_migration")

    expected = [
        row | {end: edited.get(row[end]) for end in ("from_segment", "to_segment")}
        for row in moves(SEGMENTS)
    ]
    assert sorted(moves(renamed), key=repr) == sorted(expected, key=repr)
