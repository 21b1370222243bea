"""The lake and the warehouse against the mart: what is changed on one side must turn red."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import dagster as dg
import psycopg
import pytest
from deltalake import DeltaTable

from rfm_platform.automation.jobs import LOADED
from rfm_platform.calendar import days_between
from rfm_platform.customers.extraction import Extraction
from rfm_platform.definitions import build_defs
from rfm_platform.engine import Session
from rfm_platform.mart import MartSnapshot, snapshot
from rfm_platform.mart.copy_out import copy_out
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.sides import Months, reconcile_months
from rfm_platform.runs import Outcome, Step, execute
from rfm_platform.wiring import Platform
from rfm_platform_tests.assets.chain import Chain, CheckCrashedError, day, line, new_chain
from rfm_platform_tests.conftest import Row

DAYS = ("01-01", "01-02", "01-03", "01-04")
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def lines_of(days: Sequence[str]) -> list[Row]:
    """Four orders on each day, of four users: 1000 in all."""
    return [
        line(f"{on}-{n}", on, product_gmv_amount=100 * n, user_id=f"u{n}")
        for on in days
        for n in range(1, 5)
    ]


def names_of(days: Sequence[str]) -> list[Row]:
    """Their recipients."""
    return [("shopee", f"{on}-{n}", f"Recipient {n}") for on in days for n in range(1, 5)]


@pytest.fixture(scope="module")
def _loaded(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    chain = new_chain(server, tmp_path_factory.mktemp("reconciliation"))
    chain.fill(lines_of(DAYS), names_of(DAYS))
    assert chain.load("01-01", "01-04").succeeded
    return chain


@pytest.fixture
def loaded(_loaded: Chain) -> Iterator[Chain]:
    """Four loaded days; whatever a test does to them is undone."""
    _loaded.in_warehouse("CREATE TABLE kept AS TABLE rfm.aggregated_monthly")
    path = _loaded.platform.lake.source_orders.path
    version = DeltaTable(path).version()
    yield _loaded
    _loaded.in_warehouse("TRUNCATE rfm.aggregated_monthly")
    _loaded.in_warehouse("INSERT INTO rfm.aggregated_monthly TABLE kept")
    _loaded.in_warehouse("DROP TABLE kept")
    _loaded.fill(lines_of(DAYS), names_of(DAYS))
    if DeltaTable(path).version() != version:
        # Its month is of the lines that were there: without this it would be out of date.
        assert _loaded.load("01-01", "01-04").succeeded


def corrupt(platform: Platform, on: dt.date, rows: str, to: dt.date | None = None) -> None:
    """Replaces a day of the lake (or a range) by the rows of a query on ``source_orders``."""
    table = platform.lake.source_orders
    with platform.engine.session() as session:
        session.view(table, on, to or on)
        session.materialize("kept", rows)
        session.replace(table, "FROM kept", days_between(on, to or on))


def publish_without_reading(chain: Chain, first: str, last: str) -> Outcome:
    """The load job without source_orders itself: its checks stand before aggregated_monthly."""
    checks = dg.AssetSelection.checks_for_assets(*LOADED)
    job = dg.define_asset_job(
        "publish", selection=dg.AssetSelection.assets("aggregated_monthly") | checks
    )
    definitions = dg.Definitions.merge(chain.definitions, dg.Definitions(jobs=[job]))
    with chain.instance() as instance:
        step = Step("publish", day(first), day(last), "publish")
        (outcome,) = execute(definitions, instance, [step])
        return outcome


def statuses(chain: Chain, asset: str, check: str) -> dict[str, str]:
    """The newest status of each day, as the UI shows it."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    with chain.instance() as instance:
        found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {i.partition_key: i.latest_execution_status.value for i in found if i.partition_key}


LOST = "FROM source_orders WHERE order_id NOT LIKE '%-3'"
# Each happens to a day of its own, from the first of February on.
CORRUPTIONS = {
    "amounts that cancel out": "SELECT * REPLACE (product_gmv_amount + CASE RIGHT(order_id, 1) "
    "WHEN '1' THEN 1 WHEN '2' THEN -1 ELSE 0 END AS product_gmv_amount) FROM source_orders",
    "a lost row": LOST,
    "a doubled row": "FROM source_orders UNION ALL FROM source_orders WHERE order_id LIKE '%-3'",
    "two users swapped": "SELECT * REPLACE (CASE user_id WHEN 'u1' THEN 'u2' WHEN 'u2' THEN 'u1' "
    "ELSE user_id END AS user_id) FROM source_orders",
    "another recipient": "SELECT * REPLACE ('Somebody' AS address_shipping_name) "
    "FROM source_orders",
    "a lost recipient": "SELECT * REPLACE (CASE WHEN order_id NOT LIKE '%-1' "
    "THEN address_shipping_name END AS address_shipping_name) FROM source_orders",
    "a microsecond": "SELECT * REPLACE (create_timestamp + INTERVAL 1 MICROSECOND "
    "AS create_timestamp) FROM source_orders",
    "a flag read wrongly": "SELECT * REPLACE (order_id LIKE '%-1' AS is_cancelled) "
    "FROM source_orders",
    "null instead of empty": "SELECT * REPLACE (NULL AS returned_flag) FROM source_orders",
    "product and variant swapped": "SELECT * REPLACE (marketplace_variant_id "
    "AS marketplace_product_id, marketplace_product_id AS marketplace_variant_id) "
    "FROM source_orders",
    "another fee": "SELECT * REPLACE ('9001' AS order_shipping_fee_buyer_amount) "
    "FROM source_orders",
    "an empty day": "FROM source_orders WHERE FALSE",
}
CANCELLED = (
    "UPDATE flatten_order_marketplace SET cancelled_flag = 'true' WHERE order_id = %s || '-1'"
)
CHANGES_OF_THE_MART = {
    "an order was cancelled": CANCELLED,
    "a line came late": "INSERT INTO flatten_order_marketplace SELECT * FROM "
    "flatten_order_marketplace WHERE order_id = %s || '-1'",
    "all lines went": "DELETE FROM flatten_order_marketplace WHERE order_id LIKE %s || '-%%'",
    "a recipient was corrected": "UPDATE order_marketplace SET address_shipping_name = 'Else' "
    "WHERE order_id = %s || '-1'",
}
WHAT_HAPPENED = [*CORRUPTIONS, *CHANGES_OF_THE_MART, "both", "nothing"]
HAPPENED_ON = {what: f"02-{n:02}" for n, what in enumerate(WHAT_HAPPENED, start=1)}


@pytest.fixture(scope="module")
def verdicts(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dg.AssetCheckEvaluation]:
    """What the check says of each day of February, after something happened to each of them."""
    chain = new_chain(server, tmp_path_factory.mktemp("corrupted"))
    days = list(HAPPENED_ON.values())
    chain.fill(lines_of(days), names_of(days))
    assert chain.load(days[0], days[-1]).succeeded
    for what, on in HAPPENED_ON.items():
        if what in CORRUPTIONS or what == "both":
            corrupt(chain.platform, day(on), CORRUPTIONS.get(what, LOST))
        if what in CHANGES_OF_THE_MART or what == "both":
            chain.in_mart(CHANGES_OF_THE_MART.get(what, CANCELLED), on)
    found = chain.check_days("equals_the_source", days[0], days[-1])
    return {what: found[day(on).isoformat()] for what, on in HAPPENED_ON.items()}


@pytest.mark.parametrize("what", [*CORRUPTIONS, "both"])
def test_a_day_of_the_lake_that_is_not_the_marts_is_an_error(
    verdicts: dict[str, dg.AssetCheckEvaluation], what: str
) -> None:
    verdict = verdicts[what]
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, ERROR, True)
    on = day(HAPPENED_ON[what])
    assert f"{on} is not what the mart holds (shopee: " in (verdict.description or "")


@pytest.mark.parametrize("what", CHANGES_OF_THE_MART)
def test_a_mart_that_moved_on_after_reading_warns_and_says_what_to_do(
    verdicts: dict[str, dg.AssetCheckEvaluation], what: str
) -> None:
    verdict = verdicts[what]
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert "has changed since it was read" in (verdict.description or "")
    assert "Materialize source_orders for it again" in (verdict.description or "")


def test_a_day_to_which_nothing_happened_stays_green_among_others(
    verdicts: dict[str, dg.AssetCheckEvaluation],
) -> None:
    assert verdicts["nothing"].passed


def test_the_difference_is_listed_by_day_marketplace_and_measure(
    verdicts: dict[str, dg.AssetCheckEvaluation],
) -> None:
    table = verdicts["a lost row"].metadata["differences"]
    assert isinstance(table, dg.TableMetadataValue)
    found = {str(r.data["measure"]): (r.data["source"], r.data["platform"]) for r in table.records}
    assert found["lines"] == (4, 3)
    assert found["gmv"] == (1000, 700)
    on = str(day(HAPPENED_ON["a lost row"]))
    assert {(r.data["period"], r.data["marketplace"]) for r in table.records} == {(on, "shopee")}


def test_a_corrupt_day_alone_turns_red_and_nothing_of_its_run_is_published(loaded: Chain) -> None:
    corrupt(loaded.platform, day("01-03"), LOST)
    before = loaded.published()
    outcome = publish_without_reading(loaded, "01-01", "01-04")
    assert not outcome.succeeded
    assert loaded.published() == before
    assert statuses(loaded, "source_orders", "equals_the_source") == {
        "2024-01-01": "SUCCEEDED",
        "2024-01-02": "SUCCEEDED",
        "2024-01-03": "FAILED",
        "2024-01-04": "SUCCEEDED",
    }
    (summary,) = [c for c in outcome.checks if c.check == "equals_the_source"]
    assert (summary.passed, summary.severity) == (False, "ERROR")
    assert summary.description.startswith("1 of 4 days failed: 2024-01-03.")


def test_a_line_in_its_neighbours_partition_turns_both_days_red(loaded: Chain) -> None:
    moved = (
        "SELECT * REPLACE (CASE WHEN order_id = '01-02-1' THEN DATE '2024-01-03' ELSE day END "
        "AS day) FROM source_orders"
    )
    corrupt(loaded.platform, day("01-02"), moved, day("01-03"))
    found = loaded.check_days("equals_the_source", "01-01", "01-04")
    assert [found[f"2024-{on}"].passed for on in DAYS] == [True, False, False, True]


def test_a_mart_that_moved_on_does_not_stop_the_publication(loaded: Chain) -> None:
    loaded.in_mart(CANCELLED, "01-02")
    outcome = publish_without_reading(loaded, "01-01", "01-04")
    assert outcome.succeeded
    warned = {c.check: c.severity for c in outcome.checks if not c.passed}
    assert warned == {"equals_the_source": "WARN", "months_equal_the_source": "WARN"}
    assert loaded.load("01-02").succeeded
    assert loaded.check("equals_the_source", "01-02").passed
    assert loaded.check("months_equal_the_source", "01-02").passed


class _LosingExtraction(Extraction):
    """Loses a row on its first way from the mart into the lake."""

    def extract(
        self,
        snapshot: MartSnapshot,
        days: Collection[dt.date],
        progress: Callable[[dt.date], None] = lambda _: None,
        observe: Callable[[Session], None] = lambda _: None,
    ) -> None:
        super().extract(snapshot, days, progress, observe)
        table, first = self.lake.source_orders, min(days)
        with self.engine.session() as session:
            session.view(table, first, first)
            session.materialize("kept", "FROM source_orders WHERE order_id NOT LIKE '%-3'")
            session.replace(table, "FROM kept", [first])


class _LosingPlatform(Platform):
    @property
    def extraction(self) -> Extraction:
        return _LosingExtraction(self.lake, self.engine)


def test_a_row_that_was_lost_while_reading_blocks_although_nothing_moved(chain: Chain) -> None:
    """The day's fingerprint is taken from what was written, so it cannot vouch for the reading.

    The mart does not change here at all: a day that lacks one of its lines is no late change.
    """
    chain.fill(lines_of(DAYS), names_of(DAYS))
    whole = chain.platform
    losing = _LosingPlatform(**{name: getattr(whole, name) for name in whole.__dataclass_fields__})
    with chain.instance() as instance:
        step = Step("load_days", day("01-01"), day("01-02"), "load")
        (outcome,) = execute(build_defs(chain.settings, losing), instance, [step])
    (verdict,) = [c for c in outcome.checks if c.check == "equals_the_source"]
    assert (verdict.passed, verdict.severity) == (False, "ERROR")
    assert not outcome.succeeded


def test_a_line_that_never_arrived_stops_the_reading_and_nothing_is_stored(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could tell afterwards: the day's fingerprint is taken from what arrived."""
    chain.fill(lines_of(DAYS), names_of(DAYS))

    def lose_the_last_line(
        connection: psycopg.Connection, statement: str, write: Callable[[bytes], object]
    ) -> None:
        pieces: list[bytes] = []
        copy_out(connection, statement, pieces.append)
        lines = b"".join(pieces).splitlines(keepends=True)
        write(b"".join(lines[:-1] if "cancelled_flag" in statement else lines))

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "copy_out", lose_the_last_line)
        outcome = chain.load("01-01", "01-02")
    assert not outcome.succeeded
    assert "lines arrived of" in outcome.errors[0]
    assert chain.platform.lake.source_orders.partitions() == []
    assert chain.load("01-01", "01-02").succeeded


WRONG_MONTHS = {
    "an order too many": "SET total_order = total_order + 1 WHERE user_id = 'u1'",
    "a cancelled order too many": "SET total_cancelled = total_cancelled + 1 WHERE user_id = 'u1'",
    "a returned order too many": "SET total_returned = total_returned + 1 WHERE user_id = 'u1'",
    "an amount": "SET total_gmv_amount = total_gmv_amount - 1 WHERE user_id = 'u1'",
    "a base amount": "SET total_gmv_base_amount = total_gmv_base_amount + 1 WHERE user_id = 'u1'",
    "a unit": "SET total_quantity = total_quantity + 1 WHERE user_id = 'u1'",
    "a user twice": "SET user_id = 'u2' WHERE user_id = 'u1'",
    "a marketplace": "SET marketplace = 'lazada' WHERE user_id = 'u1'",
    "a first timestamp": "SET first_order_timestamp = '2024-01-01 11:00' WHERE user_id = 'u1'",
    "a month": "SET month_of_order = '2024-02-01' WHERE user_id = 'u1'",
}


@pytest.mark.parametrize("change", WRONG_MONTHS.values(), ids=WRONG_MONTHS.keys())
def test_a_published_month_that_is_wrong_is_an_error(loaded: Chain, change: str) -> None:
    loaded.in_warehouse(f"UPDATE rfm.aggregated_monthly {change}")
    verdict = loaded.judge("months_equal_the_source", "01-02")
    assert (verdict.passed, verdict.severity, verdict.blocking) == (False, ERROR, True)
    assert "2024-01 is not what the mart holds" in (verdict.description or "")


def test_a_table_of_orders_that_is_cut_says_so(chain: Chain) -> None:
    chain.fill(
        [line(f"{m}-{n}", "01-01", marketplace=m) for m in ("a", "b", "c") for n in range(20)]
    )
    assert chain.load("01-01").succeeded
    chain.in_mart("UPDATE flatten_order_marketplace SET product_gmv_amount = 7")
    verdict = chain.check("equals_the_source", "01-01")
    table = verdict.metadata["orders"]
    assert isinstance(table, dg.TableMetadataValue)
    assert len(table.records) == 50
    said = "60 orders differ. The first 50 of 60 explanations are listed."
    assert (verdict.description or "").endswith(said)


def test_a_month_checks_its_loaded_days_only(chain: Chain) -> None:
    """The mart holds days that nobody has loaded yet: no difference, and no silence either."""
    chain.fill(lines_of(DAYS), names_of(DAYS))
    assert chain.load("01-01", "01-02").succeeded
    assert chain.check("months_equal_the_source", "01-02").passed


def reads_on(chain: Chain, on: str) -> None:
    """What another run does first, a day of a month that is published."""
    with chain.platform.mart.snapshot() as snapshot:
        chain.platform.extraction.extract(snapshot, [day(on)])


@pytest.mark.parametrize("is_folded", [False, True])
@pytest.mark.parametrize("on", ["01-02", "01-03"])
def test_a_month_of_which_another_run_has_read_days_since_is_not_judged(
    chain: Chain, on: str, is_folded: bool
) -> None:
    """It was right when it was published, and that run publishes it again."""
    chain.fill(lines_of(DAYS))
    assert chain.load("01-01", "01-02").succeeded
    chain.fill_more([line("late", on)])
    reads_on(chain, on)
    if is_folded:
        chain.platform.transforms.fold_months([day("01-01")])
    verdict = chain.check("months_equal_the_source", "01-02")
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert (verdict.description or "").startswith("Not judged: another run has read days of the")
    assert chain.load(on).succeeded
    assert chain.check("months_equal_the_source", "01-02").passed


def test_a_month_that_another_run_has_published_meanwhile_is_looked_at_again(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.fill(lines_of(DAYS))
    assert chain.load("01-01", "01-02").succeeded
    reads_on(chain, "01-03")

    def overtaken(*arguments: Any, **named: Any) -> Months:
        monkeypatch.undo()
        found = reconcile_months(*arguments, **named)
        january = [day("01-01")]
        chain.platform.transforms.fold_months(january)
        chain.platform.publisher.publish_months(january, "another run")
        return found

    monkeypatch.setattr("rfm_platform.checks.reconciliation.reconcile_months", overtaken)
    assert chain.check("months_equal_the_source", "01-02").passed


def test_a_line_on_a_day_that_was_loaded_without_one_warns(chain: Chain) -> None:
    chain.fill(lines_of(("01-01", "01-03")))
    assert chain.load("01-01", "01-03").succeeded
    assert chain.check("months_equal_the_source", "01-03").passed
    chain.fill_more([line("late", "01-02")])
    verdict = chain.check("months_equal_the_source", "01-03")
    assert (verdict.passed, verdict.severity) == (False, WARN)
    assert "2024-01: the mart has changed since it was read" in (verdict.description or "")


def test_a_month_without_a_line_that_has_one_now_warns(chain: Chain) -> None:
    chain.fill(lines_of(("01-01",)))
    assert chain.load("01-01").succeeded
    assert chain.load("02-01").succeeded
    chain.fill_more([line("late", "02-01")])
    verdict = chain.check("months_equal_the_source", "02-01")
    assert (verdict.passed, verdict.severity) == (False, WARN)


def test_a_check_that_crashes_fails_its_step_and_gives_no_verdict(loaded: Chain) -> None:
    """Neither passed nor failed: whoever looks sees that nobody knows."""
    loaded.in_warehouse("ALTER TABLE rfm.aggregated_monthly RENAME TO gone")
    try:
        with pytest.raises(CheckCrashedError):
            loaded.check("months_equal_the_source", "01-02")
        state = statuses(loaded, "aggregated_monthly", "months_equal_the_source")["2024-01-02"]
        assert state not in ("SUCCEEDED", "FAILED")
        with loaded.instance() as instance:
            (run,) = instance.get_runs(limit=1)
            assert run.status is dg.DagsterRunStatus.FAILURE
            events = _evaluations(instance, run.run_id)
        assert not events
    finally:
        loaded.in_warehouse("ALTER TABLE rfm.gone RENAME TO aggregated_monthly")


def _evaluations(instance: dg.DagsterInstance, run_id: str) -> Sequence[object]:
    records = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    return records.records


def test_a_day_that_nobody_has_loaded_does_not_equal_a_mart_that_has_it(chain: Chain) -> None:
    chain.fill(lines_of(DAYS), names_of(DAYS))
    assert chain.load("01-01").succeeded
    verdict = chain.check("equals_the_source", "01-02")
    assert (verdict.passed, verdict.severity) == (False, ERROR)
