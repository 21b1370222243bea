"""The same days give the same tables, however and how often they are loaded."""

import datetime as dt
import random
from pathlib import Path

import dagster as dg
import pytest

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain
from rfm_platform_tests.conftest import Row

DAYS = ["01-29", "01-30", "01-31", "02-01", "02-02", "02-03"]
EMPTY_DAY = "01-30"
ROW_COUNT = "dagster/partition_row_count"


def _orders() -> tuple[list[Row], list[Row]]:
    """Repeat buyers, two marketplaces, shops and currencies, cancelled and returned lines."""
    dice = random.Random(7)  # noqa: S311 - the same orders each time
    lines: list[Row] = []
    names: list[Row] = []
    for on in DAYS:
        for n in range(0 if on == EMPTY_DAY else 6 + DAYS.index(on)):
            marketplace = dice.choice(("shopee", "lazada"))
            order = f"{on}-{n}"
            chosen = {
                "marketplace": marketplace,
                "user_id": f"u{dice.randrange(6)}",
                "shop_id": dice.choice("12"),
                "kurs_rate": 3500 if marketplace == "lazada" else 1,
                "order_shipping_fee_buyer_amount": str(dice.randrange(5000, 9000)),
                "create_timestamp": dt.datetime.combine(day(on), dt.time(dice.randrange(24))),
            }
            lines += [
                line(
                    order,
                    on,
                    **chosen,
                    product_gmv_amount=dice.randrange(10_000),
                    cancelled_flag=dice.choice(("false", "false", "true")),
                    returned_flag=dice.choice(("", "", "", "2024-02-09 01:02:03")),
                    marketplace_product_id=f"p{dice.randrange(4)}",
                )
                for _ in range(dice.randrange(1, 4))
            ]
            names.append((marketplace, order, f"Recipient {dice.randrange(9)}"))
    return lines, names


@pytest.fixture(scope="module")
def ranged(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """All days in one run for each month, then the snapshot of the last."""
    chain = new_chain(server, tmp_path_factory.mktemp("ranged"))
    chain.fill(*_orders())
    for outcome in chain.materialize(DAYS[0], DAYS[-1]):
        assert outcome.succeeded, outcome.errors
    return chain


def _counts(chain: Chain, asset: str) -> dict[str, object]:
    key = dg.AssetKey(asset)
    with chain.instance() as instance:
        newest = instance.event_log_storage.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, storage_ids=list(newest.values())), limit=1000
        ).records
    return {
        str(r.partition_key): r.asset_materialization.metadata[ROW_COUNT].value
        for r in records
        if r.asset_materialization
    }


def test_single_days_in_any_order_give_the_tables_of_a_range_run(
    ranged: Chain, server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path)
    chain.fill(*_orders())
    shuffled = random.Random(3).sample(DAYS, len(DAYS))  # noqa: S311
    assert shuffled != DAYS
    for on in shuffled:
        assert chain.load(on).succeeded
    assert chain.snapshot(DAYS[-1]).succeeded
    published = chain.published()
    assert all(published.values()), "nothing was compared"
    assert published == ranged.published()


def test_running_everything_again_changes_nothing(ranged: Chain) -> None:
    before = ranged.published()
    assert all(outcome.succeeded for outcome in ranged.materialize(DAYS[0], DAYS[-1]))
    assert ranged.published() == before


def test_loading_a_day_again_replaces_it_and_does_not_add_to_it(ranged: Chain) -> None:
    before = ranged.published()["aggregated_monthly"]
    assert ranged.load("01-31").succeeded
    assert ranged.published()["aggregated_monthly"] == before
    expected = len([row for row in _orders()[0] if row[6].date() == day("01-31")])
    (partition,) = ranged.platform.lake.source_orders.partitions(day("01-31"), day("01-31"))
    assert partition.rows == expected


def test_in_a_range_run_every_day_reports_its_own_rows(ranged: Chain) -> None:
    lines = _orders()[0]
    expected = {str(day(on)): sum(row[6].date() == day(on) for row in lines) for on in DAYS}
    assert len(set(expected.values())) > 3, "the days would not tell each other apart"
    assert _counts(ranged, "source_orders") == expected


def test_a_month_and_a_snapshot_report_the_rows_that_are_published(ranged: Chain) -> None:
    rows = dict(
        ranged.in_warehouse(
            "SELECT TO_CHAR(month_of_order, 'YYYY-MM'), COUNT(*) FROM rfm.aggregated_monthly "
            "GROUP BY 1"
        )
    )
    assert _counts(ranged, "aggregated_monthly") == {
        str(day(on)): rows[str(day(on))[:7]] for on in DAYS
    }
    for asset in ("final_user_analysis", "rfm_scores", "cohort_matrix"):
        ((count,),) = ranged.in_warehouse(f"SELECT COUNT(*) FROM rfm.{asset}")
        assert _counts(ranged, asset) == {str(day(DAYS[-1])): count}, asset


def test_a_day_without_orders_is_materialized_with_no_rows_and_passes(ranged: Chain) -> None:
    assert _counts(ranged, "source_orders")[str(day(EMPTY_DAY))] == 0
    assert ranged.check("equals_the_source", EMPTY_DAY).passed


def test_a_mart_without_a_single_order_gives_empty_tables_and_no_error(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path)
    outcomes = chain.materialize("01-01", "01-02")
    assert [(o.succeeded, o.errors) for o in outcomes] == [(True, [])] * len(outcomes)
    assert not any(chain.published().values())
    assert _counts(chain, "source_orders") == {"2024-01-01": 0, "2024-01-02": 0}
    failed = {c.check for o in outcomes for c in o.checks if not c.passed and c.severity == "ERROR"}
    assert not failed


def test_a_snapshot_for_a_day_in_the_middle_of_a_loaded_month_counts_up_to_that_day_only(
    ranged: Chain, server: EmbeddedServer, tmp_path: Path
) -> None:
    """A backfill of yesterday's report: a finished month and a part of the next are merged."""
    assert ranged.snapshot("02-02").succeeded
    late = ranged.published()
    chain = new_chain(server, tmp_path)
    chain.fill(*_orders())
    assert chain.load("01-29", "01-31").succeeded
    assert chain.load("02-01", "02-02").succeeded
    assert chain.snapshot("02-02").succeeded
    for table, rows in chain.published().items():
        if table != "aggregated_monthly":
            as_of = [row for row in late[table] if row[0] == day("02-02")]
            assert as_of == rows, table


def test_a_snapshot_of_every_day_can_be_taken_in_one_go(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    chain = new_chain(server, tmp_path)
    chain.fill(*_orders())
    outcomes = chain.materialize("01-31", "02-02", "all")
    assert [o.errors for o in outcomes if not o.succeeded] == []
    assert chain.in_warehouse(
        "SELECT DISTINCT as_of_date FROM rfm.rfm_scores_snapshots ORDER BY 1"
    ) == [(day(on),) for on in ("01-31", "02-01", "02-02")]


def test_a_late_cancellation_reaches_every_table_with_the_days_next_run(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Loading a day again and folding it must equal a platform that saw it so from the start."""
    lines, names = _orders()
    late = [
        (*row[:7], "true", *row[8:]) if row[9].startswith(("01-29-1", "02-01-")) else row
        for row in lines
    ]
    changed, fresh = new_chain(server, tmp_path / "a"), new_chain(server, tmp_path / "b")
    changed.fill(lines, names)
    assert all(o.succeeded for o in changed.materialize(DAYS[0], DAYS[-1]))
    changed.fill(late, names)
    assert changed.load("01-29").succeeded
    assert changed.load("02-01").succeeded
    assert changed.snapshot(DAYS[-1]).succeeded
    fresh.fill(late, names)
    assert all(o.succeeded for o in fresh.materialize(DAYS[0], DAYS[-1]))
    assert changed.published() == fresh.published()
