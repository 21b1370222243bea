"""How much each kind of run asks for, on a small mart that never changes.

Seconds depend on the machine; these counts do not. A full scan of the mart, a query for each day, a
file opened twice or an event more for each day turns this red anywhere. Whoever makes a run ask for
less lowers the count here; whoever makes it ask for more says why.
"""

import datetime as dt

import pytest

from rfm_platform.demo import synthetic
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import plan, plan_refresh
from rfm_platform_tests.assets.chain import Chain, new_chain
from rfm_platform_tests.assets.work import Work, counted

LINES, DAYS, LOOKBACK = 12_000, 60, 7
LAST = dt.date(2024, 4, 30)
FIRST = LAST - dt.timedelta(days=DAYS - 1)
READY = LAST - dt.timedelta(days=1)
APRIL = dt.date(2024, 4, 1)
CANCEL = (
    "UPDATE flatten_order_marketplace SET cancelled_flag = 't' WHERE order_id = ("
    "SELECT MIN(order_id) FROM flatten_order_marketplace "
    "WHERE create_timestamp >= %s AND create_timestamp < %s AND cancelled_flag = 'false')"
)

# The mart has 12,000 lines of 60 days. Rows and kilobytes have a twentieth to spare, for another
# plan and another compression; everything else is what was counted. Whatever makes something of
# lines looks first which days each month was built from: a session each time, and a file a month.
ALLOWED = {
    # The first run makes the warehouse: 472 statements of DDL, comments, and a look at what is in
    # the way. One for each table that was published has it sampled, here and below.
    "31 days of March": Work(
        mart_statements=37, mart_rows=30_200, warehouse_statements=487, rows_written=1_750,
        sessions=9, files=123, kilobytes=1_890, events=388,
    ),
    # As many statements as for 31 days: none is sent for each day. Each day has 11 events, a
    # materialization of two assets and nine verdicts; the lines are read by the copy, the names,
    # and three checks that share no code with them.
    "29 days of April": Work(
        mart_statements=37, mart_rows=26_800, warehouse_statements=12, rows_written=1_820,
        sessions=10, files=153, kilobytes=2_460, events=377,
    ),
    # Asks the mart nothing. Writes a row for each customer, twice: customers and scores. What is
    # made after the customers looks up in their file, five times, which days these are from. The
    # file of scores is read once more for how many customers have each.
    "a snapshot": Work(
        mart_statements=0, mart_rows=0, warehouse_statements=34, rows_written=5_920,
        sessions=15, files=50, kilobytes=4_040, events=55,
    ),
    # Reads 200 lines and looks at 1,400: with the names of their orders that is little more than
    # the mart once. Of March no file is read but the month's.
    "a morning after one late change": Work(
        mart_statements=38, mart_rows=17_000, warehouse_statements=50, rows_written=9_750,
        sessions=33, files=266, kilobytes=8_250, events=132,
    ),
    # A row goes and comes for the customer, one for the ledger, two to note what is published.
    "publishing a month after one late change": Work(
        warehouse_statements=14, rows_written=5, sessions=4, files=5, kilobytes=580
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Work]:
    """What each of the runs has asked for, one after the other over one chain."""
    chain = new_chain(
        server,
        tmp_path_factory.mktemp("work"),
        start_date=FIRST,
        end_date=LAST,
        lookback_days=LOOKBACK,
    )
    synthetic.load(chain.mart, lines=LINES, days=DAYS, end_date=LAST, dirty=False)
    found = {}
    steps = [*plan(FIRST, READY, "last"), *plan_refresh(LAST, all_days=False)]
    for name, step in zip(ALLOWED, steps, strict=False):
        if step.first == LAST:
            cancel(chain, LAST - dt.timedelta(days=5))
        with counted(chain) as found[name]:
            (outcome,) = chain.run(step)
        assert outcome.succeeded, outcome.errors
    late = LAST - dt.timedelta(days=4)
    cancel(chain, late)
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, [late])
    chain.platform.transforms.fold_months([APRIL])
    with counted(chain) as found["publishing a month after one late change"]:
        chain.platform.publisher.publish_months([APRIL], "test")
    return found


def cancel(chain: Chain, day: dt.date) -> None:
    """One order of a day, which has one customer."""
    chain.in_mart(CANCEL, day, day + dt.timedelta(days=1))


@pytest.mark.parametrize("run", ALLOWED)
def test_a_run_asks_for_no_more_than_it_did(found: dict[str, Work], run: str) -> None:
    more = found[run].more_than(ALLOWED[run])
    assert not more, "; ".join(more)
