"""The source itself: its shape stops everything, its stray rows are counted."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from rfm_platform_tests.assets.chain import Chain, day, line

LINES, ORDERS = "flatten_order_marketplace", "order_marketplace"

RUNS_WAITING = 25
CHANGED_SHAPES = [
    (LINES, "RENAME product_gmv_amount TO gmv", "has no column product_gmv_amount"),
    (LINES, "RENAME create_timestamp TO created_timestamp", "has no column create_timestamp"),
    (ORDERS, "RENAME order_id TO order_number", "has no column order_id"),
    (LINES, "ALTER product_gmv_amount TYPE numeric", ".product_gmv_amount is numeric"),
    (LINES, "ALTER product_gmv_amount TYPE text", ".product_gmv_amount is text"),
    (LINES, "ALTER create_timestamp TYPE date", ".create_timestamp is date"),
    (LINES, "ALTER kurs_rate TYPE bigint", ".kurs_rate is bigint"),
    (ORDERS, "ALTER order_id TYPE bigint USING 0", ".order_id is bigint"),
]


@pytest.mark.parametrize(
    ("table", "change", "said"), CHANGED_SHAPES, ids=[f"{t} {c}" for t, c, _ in CHANGED_SHAPES]
)
def test_a_changed_shape_of_the_source_is_named_by_table_and_column(
    chain: Chain, table: str, change: str, said: str
) -> None:
    chain.in_mart(f"ALTER TABLE {table} {change}")
    (problem,) = chain.platform.mart.contract_violations()
    assert table in problem
    assert said in problem
    if "has no column" in said:
        assert "RFM_SOURCE_COLUMNS" in problem
    else:
        assert "expected" in problem


@pytest.mark.parametrize("change", ["RENAME user_id TO customer", "ALTER kurs_rate TYPE text"])
def test_a_changed_source_stops_the_run_before_a_row_is_read(chain: Chain, change: str) -> None:
    chain.fill([line("o", "01-01")])
    assert chain.load("01-01").succeeded
    before = chain.published()
    chain.in_mart(f"ALTER TABLE {LINES} {change}")
    chain.in_mart(f"UPDATE {LINES} SET product_gmv_amount = 999")
    outcome = chain.load("01-01", "01-02")
    assert not outcome.succeeded
    (contract,) = [c for c in outcome.checks if c.check == "source_contract"]
    assert (contract.passed, contract.severity) == (False, "ERROR")
    assert LINES in contract.description
    assert change.split()[1] in contract.description
    (partition,) = chain.platform.lake.source_orders.partitions()
    assert (partition.value, partition.rows) == (day("01-01"), 1)
    assert chain.published() == before


def test_a_missing_table_stops_the_run_and_says_which_setting(chain: Chain) -> None:
    chain.in_mart(f"DROP TABLE {ORDERS}")
    outcome = chain.load("01-01")
    assert not outcome.succeeded
    (contract,) = [c for c in outcome.checks if c.check == "source_contract"]
    assert ORDERS in contract.description
    assert "RFM_SOURCE_ORDERS_TABLE" in contract.description


def test_a_wider_type_of_a_varchar_is_no_change_of_the_contract(chain: Chain) -> None:
    chain.in_mart(f"ALTER TABLE {LINES} ALTER order_id TYPE text, ALTER shop_id TYPE char(9)")
    chain.in_mart(f"ALTER TABLE {LINES} ALTER product_gmv_amount TYPE integer, ADD extra jsonb")
    assert chain.platform.mart.contract_violations() == []


STRAY = [
    line("before 1", "2023-12-31", create_timestamp="2023-12-31 23:59:59.999999"),
    line("before 2", "2019-07-01"),
    line("first", "01-01", create_timestamp="2024-01-01 00:00"),
    line("last", "12-31", create_timestamp="2024-12-31 23:59:59.999999"),
    line("after 1", "12-31", create_timestamp="2025-01-01 00:00"),
    line("after 2", "12-31", create_timestamp="2025-01-01 00:30"),
    line("after 3", "12-31", create_timestamp="2025-01-01 00:20"),
    line("never", "01-01", create_timestamp=None),
]
STRAY_SAID = (
    "2 lines before 2024-01-01 (RFM_START_DATE), the earliest 2019-07-01 12:00:00; "
    "3 lines after 2024-12-31, the latest 2025-01-01 00:30:00; "
    "1 lines without create_timestamp"
)


def test_rows_outside_every_partition_are_counted_and_reported_not_cut_off(chain: Chain) -> None:
    chain.fill(STRAY)
    outcome = chain.load("01-01")
    assert outcome.succeeded, "stray rows are no reason to stop"
    (stray,) = [c for c in outcome.checks if c.check == "source_rows_outside_partitions"]
    assert (stray.passed, stray.severity) == (False, "ERROR")
    assert stray.description == STRAY_SAID


def test_moments_outside_every_partition_are_counted_by_the_shops_clock(chain: Chain) -> None:
    chain.fill(STRAY)
    chain.in_mart(
        f"ALTER TABLE {LINES} ALTER create_timestamp TYPE timestamptz "
        f"USING create_timestamp AT TIME ZONE '{chain.settings.timezone}'"
    )
    found = chain.judge("source_rows_outside_partitions", "01-01")
    assert (found.passed, found.description) == (False, STRAY_SAID)
    assert {name: value.value for name, value in found.metadata.items()}.items() >= {
        "lines_before": 2,
        "lines_after": 3,
        "lines_without_timestamp": 1,
    }.items()


def test_a_last_day_that_is_still_to_come_hides_no_line_of_the_future(chain: Chain) -> None:
    """Until then nobody would load it."""
    tomorrow = dt.datetime.now(ZoneInfo(chain.settings.timezone)) + dt.timedelta(days=1)
    later = Chain(
        chain.settings.model_copy(update={"end_date": tomorrow.date() + dt.timedelta(days=365)}),
        chain.mart,
        chain.warehouse,
    )
    chain.fill(
        [line("first", "01-01"), line("typing", f"{tomorrow.date() + dt.timedelta(days=9)}")]
    )
    verdict = later.judge("source_rows_outside_partitions", "01-01")
    assert not verdict.passed
    assert verdict.description is not None
    assert verdict.description.startswith("1 lines after ")


BEYOND_PYTHON = {
    "infinity": "1 lines after 2024-12-31, the latest infinity",
    "-infinity": "1 lines before 2024-01-01 (RFM_START_DATE), the earliest -infinity",
    "20240-01-01": "1 lines after 2024-12-31, the latest 20240-01-01 00:00:00",
    "0044-03-15 BC": "1 lines before 2024-01-01 (RFM_START_DATE), the earliest "
    "0044-03-15 00:00:00 BC",
}


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
@pytest.mark.parametrize(
    ("stamp", "said"), BEYOND_PYTHON.items(), ids=["infinity", "minus infinity", "20240", "BC"]
)
def test_a_timestamp_that_python_does_not_know_is_reported(
    chain: Chain, stamp: str, said: str, kind: str
) -> None:
    chain.fill([line("a", "01-01"), line("b", "01-01")])
    chain.in_mart(f"UPDATE {LINES} SET create_timestamp = '{stamp}' WHERE order_id = 'b'")
    if kind == "timestamptz":
        chain.in_mart(
            f"ALTER TABLE {LINES} ALTER create_timestamp TYPE timestamptz "
            "USING create_timestamp AT TIME ZONE 'Asia/Jakarta'"
        )
    outcome = chain.load("01-01")
    assert outcome.succeeded, outcome.errors
    (stray,) = [c for c in outcome.checks if c.check == "source_rows_outside_partitions"]
    assert (stray.passed, stray.severity, stray.description) == (False, "ERROR", said)


def test_rows_within_the_partitions_pass(chain: Chain) -> None:
    chain.fill([line("first", "01-01"), line("last", "12-31")])
    assert chain.judge("source_rows_outside_partitions", "01-01").passed


def test_columns_that_come_go_or_change_are_told_once(chain: Chain) -> None:
    """Once: the next look compares with what this one saw."""
    chain.fill([line("o", "01-01")])
    first = chain.check("source_schema_is_as_before", "01-01")
    assert first.passed
    chain.in_mart("ALTER TABLE flatten_order_marketplace ADD voucher text, ADD points integer")
    with chain.instance() as instance:
        for _ in range(RUNS_WAITING):  # none of them has looked at anything
            instance.create_run_for_job(chain.definitions.resolve_job_def("load_days"))
    assert not chain.check("source_schema_is_as_before", "01-01").passed
    chain.in_mart("ALTER TABLE flatten_order_marketplace DROP points")
    chain.in_mart("ALTER TABLE flatten_order_marketplace ALTER voucher TYPE varchar")
    verdict = chain.check("source_schema_is_as_before", "01-01")
    assert (verdict.passed, verdict.severity.value) == (False, "WARN")
    assert verdict.description == (
        "flatten_order_marketplace.points is gone (integer); "
        "flatten_order_marketplace.voucher was text and is character varying"
    )
    assert chain.check("source_schema_is_as_before", "01-01").passed
