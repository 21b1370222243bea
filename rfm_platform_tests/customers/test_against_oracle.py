"""Every column of every published table, held against the oracle on marts made up by hypothesis.

A mart is small and its oracle slow, so a failure is a page to read: the rows that are missing, the
rows that stand there instead, and the mart that hypothesis shrank.
"""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_platform.customers import transforms
from rfm_platform_tests.customers.comparison import assert_as_the_contract_says, assert_same
from rfm_platform_tests.customers.conftest import SNAPSHOTS, TABLES, Chain, Keys
from rfm_platform_tests.strategies import (
    SPRING,
    MartRows,
    as_of_dates,
    examples,
    late_changes,
    marts,
)


def _range(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def _load_everything(chain: Chain, rows: MartRows) -> list[dt.date]:
    first, last = (rows.days[0], rows.days[-1]) if rows.days else (SPRING[0], SPRING[1])
    chain.load(first, last)
    return _range(first, last)


@examples(36)
@given(data=st.data(), rows=marts())
def test_every_column_of_every_table_is_what_the_contract_says(
    chain: Chain, keys: Keys, data: st.DataObject, rows: MartRows
) -> None:
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    loaded = _load_everything(chain, rows)
    as_of = data.draw(as_of_dates(rows), label="as_of")
    chain.snapshot(as_of)
    tables = chain.tables(as_of)
    assert_as_the_contract_says(tables, keys, rows, loaded=loaded, as_of=as_of)


@examples(12)
@given(data=st.data(), rows=marts(min_lines=6, days=SPRING))
def test_customers_whose_months_are_merged_in_parts_come_out_the_same(
    chain: Chain, keys: Keys, data: st.DataObject, rows: MartRows
) -> None:
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    loaded = _load_everything(chain, rows)
    as_of = data.draw(as_of_dates(rows), label="as_of")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transforms, "ROWS_OF_A_PART", 2)
        chain.snapshot(as_of)
    tables = chain.tables(as_of)
    assert_as_the_contract_says(tables, keys, rows, loaded=loaded, as_of=as_of, names=SNAPSHOTS)


@examples(12)
@given(data=st.data(), rows=marts(max_days=2, min_lines=4))
def test_quartiles_per_marketplace_score_each_marketplace_by_itself(
    chain: Chain, keys: Keys, data: st.DataObject, rows: MartRows
) -> None:
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    loaded = _load_everything(chain, rows)
    as_of = data.draw(as_of_dates(rows), label="as_of")
    chain.snapshot(as_of, per_marketplace=True)
    tables = chain.tables(as_of)
    assert_as_the_contract_says(
        tables, keys, rows, loaded=loaded, as_of=as_of, per_marketplace=True
    )


@examples(12)
@given(data=st.data(), rows=marts(max_days=3))
def test_the_order_in_which_days_are_loaded_changes_nothing(
    chain: Chain, keys: Keys, data: st.DataObject, rows: MartRows
) -> None:
    """Also: a day that nobody loaded is not there, and a second run changes nothing."""
    days: list[dt.date] = data.draw(st.permutations(rows.days), label="days")
    days = days[: data.draw(st.sampled_from([len(days), len(days), 1]), label="loaded")]
    as_of = data.draw(as_of_dates(rows), label="as_of")
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    for day in days:
        chain.load(day, day)
    chain.snapshot(as_of)
    first = chain.tables(as_of)
    assert_as_the_contract_says(first, keys, rows, loaded=days, as_of=as_of)

    for day in days[:1]:
        chain.load(day, day)
    chain.snapshot(as_of)
    assert_same(chain.tables(as_of), first)


@examples(12)
@given(data=st.data(), rows=marts(min_lines=3))
def test_an_old_snapshot_comes_out_the_same_after_later_days_were_loaded(
    chain: Chain, keys: Keys, data: st.DataObject, rows: MartRows
) -> None:
    as_of = data.draw(st.sampled_from(rows.days or SPRING[:1]), label="as_of")
    first, last = min([*rows.days, as_of]), max([*rows.days, as_of])
    chain.start_anew()
    chain.fill(rows.lines, rows.orders)
    chain.load(first, as_of)
    chain.snapshot(as_of)
    reported = chain.tables(as_of)

    if as_of < last:
        chain.load(as_of + dt.timedelta(days=1), last)
    chain.snapshot(as_of)
    again = chain.tables(as_of)
    assert_same(again, reported, SNAPSHOTS)
    assert_as_the_contract_says(again, keys, rows, loaded=_range(first, last), as_of=as_of)


@examples(12)
@given(data=st.data(), before=marts(min_lines=6, max_days=3, days=SPRING[:7]))
def test_a_day_loaded_again_is_replaced_whole_whether_or_not_its_month_was_folded(
    chain: Chain, keys: Keys, data: st.DataObject, before: MartRows
) -> None:
    first, last = SPRING[0], SPRING[6]
    as_of = data.draw(st.sampled_from(before.days[-2:]), label="as_of")
    after = data.draw(late_changes(before), label="after")
    chain.start_anew()
    chain.fill(before.lines, before.orders)
    chain.load(first, last)
    chain.fill(after.lines, after.orders)
    chain.extract(first, last)
    folded = data.draw(st.booleans(), label="folded")
    if folded:
        chain.fold(first, last)
    chain.snapshot(as_of)
    tables = chain.tables(as_of)
    assert_as_the_contract_says(
        tables,
        keys,
        after,
        loaded=_range(first, last),
        as_of=as_of,
        names=TABLES if folded else SNAPSHOTS,
    )
