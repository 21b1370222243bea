"""Each day its own verdict in the UI, also in a run for a range.

This guards the private import in ``checks/per_day.py``: if Dagster moves or changes it, a range of
days shows grey, or the verdicts no longer belong to what was materialized.
"""

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckPartitionInfo

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.runs import Outcome, Step
from rfm_platform_tests.assets.chain import Chain, day, line, new_chain

BY_DAY = {
    "source_orders": {
        "equals_the_source",
        "flags_are_known",
        "shipping_fees_are_numbers",
        "customers_are_known",
        "lines_are_complete",
        "orders_lie_within_one_day",
    },
    "aggregated_monthly": {"months_equal_the_source"},
}
DAYS = ["2024-01-30", "2024-01-31", "2024-02-01"]


@pytest.fixture(scope="module")
def ranged(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Chain, Outcome]:
    """Three days in one run; the second has a line without a customer."""
    chain = new_chain(server, tmp_path_factory.mktemp("ranged"))
    chain.fill([line(on, on, user_id="" if on == DAYS[1] else "u") for on in DAYS])
    assert chain.load(DAYS[0], DAYS[1]).succeeded, "a day loaded twice shows its newest verdict"
    (outcome,) = chain.run(Step("load_days", day(DAYS[0]), day(DAYS[-1]), "across months"))
    return chain, outcome


def _infos(chain: Chain, asset: str, check: str) -> dict[str, AssetCheckPartitionInfo]:
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    with chain.instance() as instance:
        found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {info.partition_key: info for info in found if info.partition_key}


@pytest.mark.parametrize(
    ("asset", "check"), [(asset, check) for asset in BY_DAY for check in sorted(BY_DAY[asset])]
)
def test_in_a_range_every_day_has_a_verdict_that_targets_its_own_materialization(
    ranged: tuple[Chain, Outcome], asset: str, check: str
) -> None:
    chain, _ = ranged
    infos = _infos(chain, asset, check)
    assert sorted(infos) == DAYS
    with chain.instance() as instance:
        newest = instance.event_log_storage.get_latest_storage_id_by_partition(
            dg.AssetKey(asset), dg.DagsterEventType.ASSET_MATERIALIZATION
        )
    for on, info in infos.items():
        assert info.latest_target_materialization_storage_id == newest[on], on
        assert info.is_current, on


def test_a_days_verdict_is_its_own_not_the_ranges(ranged: tuple[Chain, Outcome]) -> None:
    infos = _infos(ranged[0], "source_orders", "customers_are_known")
    assert {on: info.latest_execution_status.value for on, info in infos.items()} == {
        DAYS[0]: "SUCCEEDED",
        DAYS[1]: "FAILED",
        DAYS[2]: "SUCCEEDED",
    }


def test_the_run_itself_sums_its_days_up(ranged: tuple[Chain, Outcome]) -> None:
    _, outcome = ranged
    (check,) = [c for c in outcome.checks if c.check == "customers_are_known"]
    assert (check.passed, check.severity) == (False, "ERROR")
    assert check.description == ("1 of 3 days failed: 2024-01-31. 1 of 1 lines have no user_id.")


def test_a_day_that_is_mended_and_loaded_alone_turns_green(ranged: tuple[Chain, Outcome]) -> None:
    chain, _ = ranged
    chain.in_mart("UPDATE flatten_order_marketplace SET user_id = 'u' WHERE user_id = ''")
    assert chain.load(DAYS[1]).succeeded
    info = _infos(chain, "source_orders", "customers_are_known")[DAYS[1]]
    assert info.latest_execution_status.value == "SUCCEEDED"
    assert info.is_current
