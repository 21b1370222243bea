"""Every transform and analysis, over each engine: the lake's tables are the same in every column.

DuckDB's are held against the oracle in test_against_oracle; here the other engines are held against
DuckDB's. Each step has its own engine's tables to go on from, so that a difference shows where it
arises. Sail always runs. Apache Spark runs where Java and a Spark are found, and says so where not.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_platform.calendar import last_day, months_between
from rfm_platform.customers.analyses import Analyses
from rfm_platform.customers.transforms import Transforms
from rfm_platform.engine import SqlEngine
from rfm_platform.engine.spark import SparkEngine
from rfm_platform.errors import PlatformError
from rfm_platform_tests.customers.conftest import SEGMENTS, Chain, line
from rfm_platform_tests.engine.spark_servers import apache_spark, sail, why_not
from rfm_platform_tests.oracle import GROUPING, Line, Order
from rfm_platform_tests.strategies import (
    AMOUNTS,
    FALSE_FLAGS,
    FEES,
    NO_FEES,
    RATES,
    SPRING,
    TEXTS,
    TIMES,
    TRUE_FLAGS,
    UNKNOWN_FLAGS,
    MartRows,
    as_of_dates,
    examples,
    late_changes,
    marts,
)

WRITTEN_AT = "load_timestamp"
Lake = dict[str, list[str]]


@dataclass(frozen=True)
class Contestant:
    """An engine, how many generated marts it is worth, and what it is called."""

    name: str
    engine: Callable[[Path], SqlEngine]


ENGINES = ("sail", "sail-cluster", "apache")


@pytest.fixture(scope="module", params=ENGINES)
def contestant(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contestant]:
    if request.param == "sail":
        yield Contestant("sail", SparkEngine)
        return
    if request.param == "sail-cluster":
        with sail(tmp_path_factory.mktemp("sail"), workers=2) as server:
            yield Contestant("sail-cluster", lambda path: SparkEngine(path, server.remote))
        return
    if reason := why_not():
        pytest.skip(reason)
    with apache_spark(tmp_path_factory.mktemp("spark")) as remote:
        yield Contestant("apache", lambda directory: SparkEngine(directory, remote))


def _read(chain: Chain) -> Lake:
    """Every row of every computed table, as sorted texts with their types."""
    found: Lake = {}
    for table in chain.platform.lake.tables:
        if table.name == "source_orders" or not table.files():
            continue
        with chain.platform.engine.session() as session:
            session.view(table)
            rows = session.records(f'SELECT * FROM "{table.name}"')
        found[table.name] = sorted(
            repr(sorted((k, v) for k, v in row.items() if k != WRITTEN_AT)) for row in rows
        )
    return found


def _forget(chain: Chain) -> None:
    """A lake that has the lines and nothing else."""
    for table in chain.platform.lake.tables:
        if table.name != "source_orders":
            shutil.rmtree(table.path, ignore_errors=True)


def _compute(chain: Chain, engine: SqlEngine, as_of: dt.date, *, per_marketplace: bool) -> None:
    """Everything, as of a day and as of the end of the month before."""
    lake = chain.platform.lake
    transforms = Transforms(lake, engine, "Asia/Jakarta")
    analyses = Analyses(transforms, min_customers=2, min_days=1)
    loaded = [day.value for day in lake.source_orders.partitions()]
    if loaded:
        transforms.fold_months(months_between(loaded[0], last_day(loaded[-1])))
    for day in (as_of.replace(day=1) - dt.timedelta(days=1), as_of):
        transforms.analyse_customers(day)
        transforms.score(day, SEGMENTS, per_marketplace=per_marketplace)
    transforms.build_cohorts(as_of)
    analyses.segment(as_of, SEGMENTS)
    analyses.migrate(as_of, SEGMENTS)
    analyses.retain(as_of)


def _assert_equal(got: Lake, due: Lake) -> None:
    assert got.keys() == due.keys()
    for name, rows in due.items():
        missing = [row for row in rows if row not in got[name]]
        extra = [row for row in got[name] if row not in rows]
        assert not missing, f"{name}: missing {missing[:3]}, instead {extra[:3]}"
        assert got[name] == rows, f"{name}: rows too many, or twice: {extra[:3]}"


def _hold_against_duckdb(
    chain: Chain, contestant: Contestant, as_of: dt.date, *, per_marketplace: bool = False
) -> Lake:
    _forget(chain)
    _compute(chain, chain.platform.engine, as_of, per_marketplace=per_marketplace)
    due = _read(chain)
    _forget(chain)
    _compute(chain, _engine(chain, contestant), as_of, per_marketplace=per_marketplace)
    _assert_equal(_read(chain), due)
    return due


def _engine(chain: Chain, contestant: Contestant) -> SqlEngine:
    return contestant.engine(chain.directory / "spark_sessions")


def _load(chain: Chain, rows: MartRows) -> None:
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    if rows.days:
        chain.extract(rows.days[0], rows.days[-1])


def dirty_mart() -> MartRows:
    """Every odd value of the strategies, in every column that it may stand in."""
    lines: list[Line] = []
    orders: list[Order] = []
    days = SPRING[:8]

    def add(**values: Any) -> None:
        number = len(lines)
        given_ = {"user_id": f"u{number % 90}", "order_id": f"o{number}", **values}
        day = dt.datetime.combine(days[number % len(days)], TIMES[number % len(TIMES)])
        amount = given_.pop("amount", 100 + number)
        lines.append(line(day.isoformat(), amount=amount, **given_))
        orders.append(Order(lines[-1].marketplace, lines[-1].order_id, TEXTS[number % len(TEXTS)]))

    columns = (*GROUPING, "marketplace_product_id", "marketplace_variant_id")
    for column in (*columns, "marketplace_product_barcode"):
        for text in TEXTS:
            add(**{column: text})
    for flag in (*FALSE_FLAGS, *TRUE_FLAGS, *UNKNOWN_FLAGS):
        add(cancelled_flag=flag)
        add(returned_flag=flag)
    for fee in (*FEES, *NO_FEES):
        add(order_shipping_fee_buyer_amount=fee)
    for amount in (*AMOUNTS, 4_000_000_000_000_000_000, -4_000_000_000_000_000_000):
        for rate in {1, *RATES} if amount is None or abs(amount) < 2**42 else {1}:
            add(amount=amount, kurs_rate=rate, user_id=f"rich {amount} {rate}")
    # One order in several shops, all lines at one instant; one customer in each month.
    for number, (shop, name) in enumerate([("A", None), (None, "A"), ("A", ""), ("", "A")]):
        add(shop_id=shop, shop_name=name, user_id="shopper", order_id="shared")
        add(shop_id=shop, shop_name=name, user_id=f"twin {number}", order_id=f"own {number}")
    day_of = {each.order_id: each.create_timestamp for each in lines}
    lines = [each._replace(create_timestamp=day_of[each.order_id]) for each in lines]
    return MartRows(tuple(lines), tuple(orders))


@pytest.mark.parametrize("per_marketplace", [False, True])
def test_every_dirty_row_comes_out_the_same(
    chain: Chain, contestant: Contestant, per_marketplace: bool
) -> None:
    _load(chain, dirty_mart())
    tables = _hold_against_duckdb(
        chain, contestant, dt.date(2024, 3, 20), per_marketplace=per_marketplace
    )
    assert {name for name, rows in tables.items() if rows} == {
        "aggregated_monthly", "final_user_analysis", "rfm_scores", "rfm_thresholds",
        "cohort_matrix", "rfm_segments", "rfm_cells", "rfm_concentration", "rfm_migration",
        "cohort_retention",
    }, "a transform that gives no row is not tested"  # fmt: skip


def test_a_lake_without_lines_gives_empty_tables(chain: Chain, contestant: Contestant) -> None:
    chain.start_anew()
    assert not any(_hold_against_duckdb(chain, contestant, dt.date(2024, 3, 20)).values())


@pytest.mark.parametrize("contestant", ["sail", "apache"], indirect=True)
@examples(8)
@given(data=st.data(), rows=marts(min_lines=3))
def test_generated_marts_come_out_the_same(
    chain: Chain, contestant: Contestant, data: st.DataObject, rows: MartRows
) -> None:
    _load(chain, rows)
    as_of = data.draw(as_of_dates(rows), label="as_of")
    per_marketplace = data.draw(st.booleans(), label="per_marketplace")
    _hold_against_duckdb(chain, contestant, as_of, per_marketplace=per_marketplace)


@pytest.mark.parametrize("contestant", ["sail", "apache"], indirect=True)
@examples(4)
@given(data=st.data(), before=marts(min_lines=12, max_days=4, days=SPRING[:7]))
def test_what_one_engine_began_another_carries_on(
    chain: Chain, contestant: Contestant, data: st.DataObject, before: MartRows
) -> None:
    """A snapshot is carried over from the other's, after late changes, to DuckDB's result."""
    as_of, later = SPRING[5], SPRING[6]
    _load(chain, before)
    ours = Transforms(chain.platform.lake, chain.platform.engine, "Asia/Jakarta")
    theirs = replace(ours, engine=_engine(chain, contestant))
    began, ended = data.draw(st.permutations([ours, theirs]), label="engines")
    lake, months = chain.platform.lake.aggregated_monthly, months_between(SPRING[0], later)
    began.fold_months(months)
    began.analyse_customers(as_of)
    after = data.draw(late_changes(before), label="after")
    changed = data.draw(st.sampled_from(before.days), label="changed")
    chain.fill(after.lines, after.orders)
    chain.extract(changed, changed)
    ended.fold_months(ended.outdated_months(later))
    ended.analyse_customers(later)
    carried = _read(chain)

    # A month whose lines nobody can read or attribute has no row that says what it was built from.
    outdated = [month for month in began.outdated_months(later) if lake.files(month, month)]
    assert not outdated, "each takes the other's months for its own"
    _forget(chain)
    ours.fold_months(months)
    ours.analyse_customers(later)
    due = _read(chain)
    _assert_equal(
        {"months": _months_of(carried), "customers": _as_of(carried, later)},
        {"months": _months_of(due), "customers": _as_of(due, later)},
    )


def _months_of(tables: Lake) -> list[str]:
    return tables.get("aggregated_monthly", [])  # none, where nobody can read a line


def _as_of(tables: Lake, day: dt.date) -> list[str]:
    return [
        row for row in tables.get("final_user_analysis", []) if f"('as_of_date', {day!r})" in row
    ]


def test_sums_beyond_64_bits_fail_and_leave_the_table_as_it_was(
    chain: Chain, contestant: Contestant
) -> None:
    """Sail's own sums of 64-bit numbers start over at -2⁶³: a wrong total, and no error."""
    day = dt.date(2024, 2, 15)
    lines = [line(f"{day} 12:00", order_id=str(n), amount=2**62) for n in range(3)]
    _load(chain, MartRows(tuple(lines), ()))
    for engine in (chain.platform.engine, _engine(chain, contestant)):
        transforms = Transforms(chain.platform.lake, engine, "Asia/Jakarta")
        # What a cluster says is of its last attempt, not of the first one's reason.
        with pytest.raises((PlatformError, duckdb.Error)):
            transforms.fold_months([day.replace(day=1)])
        assert not chain.platform.lake.aggregated_monthly.files()
