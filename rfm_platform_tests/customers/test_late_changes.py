"""Whatever happens to the mart after a day was read: the next refresh equals a rebuild."""

import shutil

import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from rfm_platform.calendar import days_between
from rfm_platform.customers.earlier import NotKeptError, days_it_was_made_from
from rfm_platform.customers.extraction import DayChange
from rfm_platform_tests.customers.comparison import assert_as_the_contract_says
from rfm_platform_tests.customers.conftest import SNAPSHOTS, TABLES, Chain, Keys, line
from rfm_platform_tests.strategies import (
    SPRING,
    MartRows,
    examples,
    late_changes,
    marts,
)

FIRST, LAST = SPRING[0], SPRING[-1]
# Of three months: each month more costs a sequence as much as a refresh.
MORNINGS = SPRING[:7]


@st.composite
def later_states(draw: st.DrawFn, now: MartRows, everything: MartRows) -> MartRows:
    """The mart some days later: late changes, orders that arrive late, customers re-keyed."""
    changed = draw(late_changes(now))
    lines = list(changed.lines)
    waiting = [row for row in everything.lines if row not in now.lines]
    lines += draw(st.lists(st.sampled_from(waiting), max_size=3)) if waiting else []
    users = sorted({row.user_id for row in lines}, key=str)
    if draw(st.booleans()) and users:
        old, new = draw(st.sampled_from(users)), draw(st.sampled_from([*users, "re-keyed"]))
        lines = [row._replace(user_id=new) if row.user_id == old else row for row in lines]
    orders = list(changed.orders)
    if draw(st.booleans()) and orders:
        place = draw(st.integers(0, len(orders) - 1))
        orders[place] = orders[place]._replace(
            address_shipping_name=draw(st.sampled_from([None, "", "Another", "Zed"]))
        )
    return MartRows(tuple(lines), tuple(orders))


@examples(70)
@given(data=st.data(), everything=marts(min_lines=4, max_lines=14, max_days=6, days=MORNINGS))
def test_any_sequence_of_changes_and_refreshes_ends_as_a_rebuild_would(
    chain: Chain, keys: Keys, data: st.DataObject, everything: MartRows
) -> None:
    """Each refresh up to the newest day so far is the end of a sequence, held against the oracle.

    After one up to an earlier day only the snapshot is as the mart now stands: later days keep what
    they were read with.
    """
    chain.start_anew()
    known = data.draw(st.integers(0, len(everything.lines)), label="known at first")
    now, newest = MartRows(everything.lines[:known], everything.orders), FIRST
    refreshes = data.draw(st.integers(1, 3), label="refreshes before the last")
    for last in [*[False] * refreshes, True]:
        as_of = MORNINGS[-1] if last else data.draw(st.sampled_from(MORNINGS), label="as_of")
        newest = max(newest, as_of)
        chain.fill(now.lines, now.orders)
        chain.refresh(FIRST, as_of)
        chain.score(as_of)
        assert_as_the_contract_says(
            chain.tables(as_of),
            keys,
            now,
            loaded=days_between(FIRST, newest),
            as_of=as_of,
            names=TABLES if as_of == newest else SNAPSHOTS,
        )
        now = now if last else data.draw(later_states(now, everything), label="later")


def test_only_customers_whose_lines_changed_are_computed_anew(chain: Chain) -> None:
    """So that the property above is about carrying over, and not about computing everything."""
    days = [str(day) for day in SPRING]
    lines = [line(day, user_id=f"u{n}", order_id=f"{n}") for n, day in enumerate(days)]
    chain.start_anew()
    chain.fill(lines)
    chain.catch_up(FIRST, SPRING[-2])
    analyse = chain.platform.transforms.analyse_customers
    assert analyse(SPRING[-2]) == 0, "nothing has changed"

    lines[3] = lines[3]._replace(cancelled_flag="true")
    chain.fill(lines)
    assert chain.catch_up(FIRST, LAST) == [SPRING[3]]
    assert analyse(LAST) == 0
    # From the snapshot before: the customer whose order was cancelled, and the one of the new day.
    chain.platform.lake.final_user_analysis.commit([], [LAST])
    assert analyse(LAST) == 2


def test_without_the_files_of_the_earlier_snapshot_everything_is_computed(chain: Chain) -> None:
    chain.start_anew()
    chain.fill([line(str(day), order_id=str(day)) for day in SPRING])
    chain.catch_up(FIRST, SPRING[-2])
    chain.fill([line(str(day), order_id=str(day), amount=7) for day in SPRING])
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, SPRING)
    for table in (chain.platform.lake.source_orders,):
        DeltaTable(table.path).vacuum(0, enforce_retention_duration=False, dry_run=False)
    assert chain.platform.transforms.analyse_customers(LAST) is None
    ((amount,),) = chain.lake_rows("SELECT SUM(total_gmv_amount) FROM final_user_analysis", LAST)
    assert amount == 7 * len(SPRING)


def test_nothing_is_carried_over_from_lines_that_were_removed_and_read_anew(chain: Chain) -> None:
    """The new table counts its versions from 0 again: the number of the old one's names others."""
    chain.start_anew()
    for amount in (5, 7):
        chain.fill([line(str(day), order_id=str(day), amount=amount) for day in SPRING])
        with chain.platform.mart.snapshot() as snapshot:
            chain.platform.extraction.extract(snapshot, SPRING)
        if amount == 5:
            chain.platform.transforms.analyse_customers(LAST)
            ((version,),) = chain.lake_rows("SELECT source_version FROM final_user_analysis", LAST)
            shutil.rmtree(chain.platform.lake.source_orders.path)
    assert chain.platform.lake.source_orders.version() == version
    with chain.platform.engine.session() as session, pytest.raises(NotKeptError, match="made anew"):
        days_it_was_made_from(session, chain.platform.lake, LAST)
    assert chain.platform.transforms.analyse_customers(LAST) is None
    ((amount,),) = chain.lake_rows("SELECT SUM(total_gmv_amount) FROM final_user_analysis", LAST)
    assert amount == 7 * len(SPRING)
    assert chain.platform.transforms.analyse_customers(LAST) == 0


def test_a_day_that_changed_says_what_happened_to_its_lines(chain: Chain) -> None:
    day = FIRST.isoformat()
    before = [
        line(day, order_id="kept"),
        line(day, order_id="kept"),
        line(day, order_id="cancelled"),
        line(day, order_id="returned", cancelled_flag="maybe"),
        line(day, order_id="repriced"),
        line(day, order_id="gone"),
        line(day, order_id="twice"),
    ]
    after = [
        *before[:2],
        before[2]._replace(cancelled_flag="t"),
        before[3]._replace(cancelled_flag="f", returned_flag="yes"),
        before[4]._replace(product_gmv_amount=1),
        before[6],
        before[6],
        line(day, order_id="new"),
    ]
    chain.start_anew()
    chain.fill(before)
    chain.extract(FIRST, FIRST)
    earlier = {day.value: day for day in chain.platform.lake.source_orders.partitions()}
    chain.fill(after)
    chain.extract(FIRST, FIRST)
    assert chain.platform.extraction.changes(earlier, [FIRST]) == {
        FIRST: DayChange(
            added=2,
            removed=1,
            altered=3,
            statuses=(("unknown", "returned", 1), ("valid", "cancelled", 1)),
        )
    }
