"""The demo's whole way with invented orders: dirt is counted to the row, all else adds up."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from rfm_platform.automation.instance import open_instance
from rfm_platform.definitions import build_defs
from rfm_platform.postgres import Database
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.settings import load_settings, read_settings

LINES, DAYS = 30_000, 46
FIRST, LAST = dt.date(2024, 11, 16), dt.date(2024, 12, 31)
EVALUATED = dg.DagsterEventType.ASSET_CHECK_EVALUATION
KNOWN_FLAGS = "('', 'true', 't', 'yes', 'y', '1', 'false', 'f', 'no', 'n', '0')"
UNKNOWN = " OR ".join(
    f"({flag} IS NOT NULL AND LOWER({flag}) NOT IN {KNOWN_FLAGS} AND {flag} !~ '^20[0-9]{{2}}-')"
    for flag in ("cancelled_flag", "returned_flag")
)
DIRT = {
    "flags_are_known": UNKNOWN,
    "shipping_fees_are_numbers": "order_shipping_fee_buyer_amount !~ '^ *[0-9]+([.][0-9]+)? *$'",
    "customers_are_known": "COALESCE(user_id, '') = ''",
    "lines_are_complete": "product_gmv_amount IS NULL OR kurs_rate IS NULL "
    "OR COALESCE(order_id, '') = '' OR COALESCE(marketplace, '') = ''",
}
# Each verdict of each day: (check, day or "", passed, lines).
Verdict = tuple[str, str, bool, int]


@dataclass(frozen=True)
class Demo:
    """What `rfm demo` has left behind."""

    code: int
    out: str
    mart: Database
    warehouse: Database
    verdicts: list[Verdict]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    directory = Path(tempfile.mkdtemp(prefix="rfm-e2e-"))  # short enough for a socket
    directory.chmod(0o755)
    home = directory / "home"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RFM_", "DAGSTER_"))}
    rfm = str(Path(sys.executable).with_name("rfm"))
    done = subprocess.run(
        [rfm, "demo", "--synthetic", str(LINES), "--days", str(DAYS)],
        env=kept | {"RFM_HOME": str(home), "RFM_MEMORY_LIMIT_MB": "500", "COLUMNS": "200"},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    server = EmbeddedServer(home)
    try:
        yield Demo(
            done.returncode,
            done.stdout + done.stderr,
            server.database("data_mart"),
            server.database("warehouse"),
            _verdicts(home),
        )
    finally:
        server.stop()
        shutil.rmtree(server.status().socket_directory, ignore_errors=True)
        shutil.rmtree(directory)


def _verdicts(home: Path) -> list[Verdict]:
    found = []
    settings = read_settings(home)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RFM_HOME", str(home))
        load_settings.cache_clear()
        with open_instance(settings) as instance:
            for key in build_defs(settings).resolve_asset_graph().asset_check_keys:
                history = instance.event_log_storage.get_asset_check_execution_history(key, 1000)
                for record in history:
                    event = record.event.dagster_event if record.event else None
                    if event is None or event.event_type is not EVALUATED:
                        continue  # planned, for the days of a range together
                    evaluation = event.asset_check_evaluation_data
                    lines = evaluation.metadata.get("lines", dg.IntMetadataValue(0)).value
                    found.append(
                        (key.name, evaluation.partition or "", evaluation.passed, int(str(lines)))
                    )
        load_settings.cache_clear()
    return found


def _query(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.connect(read_only=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_the_demo_ends_well_and_shows_segments_cohorts_and_checks(demo: Demo) -> None:
    assert demo.code == 0, demo.out
    assert "30,000 order lines" in demo.out
    assert f"{FIRST} to {LAST} (Asia/Jakarta)" in demo.out
    for shown in ("Champions", "What to do", "2024-11", "Checks, newest verdict of each day"):
        assert shown in demo.out
    assert "Traceback" not in demo.out


@pytest.mark.parametrize("check", DIRT)
def test_the_dirt_of_every_day_is_reported_with_its_exact_count(demo: Demo, check: str) -> None:
    counted = _query(
        demo.mart,
        "SELECT create_timestamp::date::text, COUNT(*)::int FROM flatten_order_marketplace "
        f"WHERE {DIRT[check]} GROUP BY 1",
    )
    reported = {
        (day, lines)
        for name, day, passed, lines in demo.verdicts
        if name == check and day and not passed
    }
    assert reported == set(counted)
    assert check == "lines_are_complete" or reported, "the demo has such rows"


def test_no_check_but_those_of_the_dirt_and_of_the_quartiles_fails(demo: Demo) -> None:
    failed = {name for name, _, passed, _ in demo.verdicts if not passed}
    assert failed - set(DIRT) <= {"quartiles_are_not_degenerate"}
    days = {day for name, day, _, _ in demo.verdicts if name == "equals_the_source" and day}
    assert days == {str(FIRST + dt.timedelta(days=n)) for n in range(DAYS)}


def test_what_is_published_is_what_a_query_on_the_mart_gives(demo: Demo) -> None:
    """Lines with an unknown flag or without a customer are out; all others are in, once."""
    valid = (
        f"NOT ({UNKNOWN}) AND COALESCE(user_id, '') <> '' "
        "AND LOWER(COALESCE(cancelled_flag, '')) IN ('', 'false', 'f', 'no', 'n', '0') "
        "AND LOWER(COALESCE(returned_flag, '')) IN ('', 'false', 'f', 'no', 'n', '0')"
    )
    expected = _query(
        demo.mart,
        "SELECT marketplace::text, COUNT(DISTINCT order_id), COUNT(DISTINCT user_id), "
        "SUM(product_gmv_amount::numeric * kurs_rate)::bigint, COUNT(marketplace_product_barcode) "
        f"FROM flatten_order_marketplace WHERE {valid} GROUP BY 1 ORDER BY 1",
    )
    assert len(expected) >= 5
    assert expected == _query(
        demo.warehouse,
        "SELECT f.marketplace, s.orders, s.customers, f.gmv, f.units FROM (SELECT marketplace, "
        "SUM(total_gmv_base_amount)::bigint AS gmv, SUM(total_quantity)::bigint AS units "
        "FROM rfm.final_user_analysis GROUP BY 1) AS f JOIN (SELECT marketplace, "
        "SUM(frequency)::bigint AS orders, COUNT(*) AS customers FROM rfm.rfm_scores GROUP BY 1) "
        "AS s USING (marketplace) ORDER BY 1",
    )


def test_every_month_end_has_its_snapshot(demo: Demo) -> None:
    found = "SELECT DISTINCT as_of_date FROM rfm.cohort_matrix_snapshots ORDER BY 1"
    assert _query(demo.warehouse, found) == [
        (dt.date(2024, 11, 30),),
        (LAST,),
    ]
