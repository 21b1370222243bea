"""Nothing is made of a day that a check has stopped, whatever is started by hand."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.sides import reconcile_days
from rfm_platform_tests.assets.chain import QUIET, Chain, day, line, new_chain

CHECKED_BY = "rfm_platform.checks.reconciliation.reconcile_days"
BAD = line("01-02-1", "01-03", product_gmv_amount=10**9)  # its order is of the day before


@pytest.fixture
def chain(server: EmbeddedServer, tmp_path: Path) -> Chain:
    """The first two days are published, the third one did not pass."""
    chain = new_chain(server, tmp_path, start_date=day("01-01"))
    days = [f"01-0{n}" for n in range(1, 6)]
    chain.fill([line(f"{on}-{n}", on, user_id=f"u{n}") for on in days for n in range(3)])
    assert all(outcome.succeeded for outcome in chain.materialize("01-01", "01-02"))
    chain.fill_more([BAD])
    assert not chain.load("01-03").succeeded
    return chain


def alone(chain: Chain, asset: str, on: str) -> dg.ExecuteInProcessResult:
    """Materializes an asset by itself, as one does in the UI."""
    job = chain.definitions.resolve_implicit_global_asset_job_def()
    with chain.instance() as instance:
        result: dg.ExecuteInProcessResult = job.execute_in_process(
            instance=instance,
            partition_key=day(on).isoformat(),
            asset_selection=[dg.AssetKey(asset)],
            run_config=QUIET,
            raise_on_error=False,
        )
    return result


def test_what_is_started_by_hand_refuses_the_day(chain: Chain) -> None:
    """Snapshots are taken of what comes before it only."""
    before = chain.published()
    for asset in (
        *("aggregated_monthly", "final_user_analysis", "campaign_effect"),
        *("next_purchase", "next_purchase_backtest"),
    ):
        result = alone(chain, asset, "01-04")
        (failed,) = [event for event in result.all_events if event.is_step_failure]
        assert "lines that did not pass their checks: source_orders of 2024-01-03" in str(failed)
        assert "`rfm refresh --as-of 2024-01-03`" in str(failed)
    assert chain.snapshot("01-02").succeeded
    refused = chain.snapshot("01-03")
    assert not refused.succeeded
    assert "source_orders of 2024-01-03" in refused.errors[0]
    assert chain.published() == before


def test_a_day_is_not_forgotten_because_somebody_tried(chain: Chain) -> None:
    alone(chain, "aggregated_monthly", "01-03")
    alone(chain, "aggregated_monthly", "01-02")
    assert not chain.load("01-04").succeeded
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE product_gmv_amount = 1000000000")
    assert chain.load("01-04").succeeded
    assert chain.snapshot("01-04").succeeded
    ((revenue,),) = chain.in_warehouse("SELECT SUM(monetary)::bigint FROM rfm.rfm_scores")
    assert revenue == 12 * 100


def test_a_day_that_no_check_has_seen_is_refused_unless_its_run_goes_on(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE product_gmv_amount = 1000000000")
    assert chain.load("01-03").succeeded
    meanwhile: list[bool] = []

    def other_run_then(*arguments: Any) -> Any:
        meanwhile.append(alone(chain, "aggregated_monthly", "01-02").success)
        return reconcile_days(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(CHECKED_BY, other_run_then)
        assert chain.load("01-04").succeeded
    assert meanwhile == [True]

    def dies(*arguments: Any) -> Any:
        raise KeyError("a check that crashes")

    with monkeypatch.context() as patch:
        patch.setattr(CHECKED_BY, dies)
        assert not chain.load("01-05").succeeded
    refused = chain.snapshot("01-05")
    assert not refused.succeeded
    assert "source_orders of 2024-01-05" in refused.errors[0]
