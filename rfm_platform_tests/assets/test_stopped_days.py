"""Nothing is made of a day that a check has stopped, whatever is started by hand."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from pkgutil import resolve_name
from threading import Event, current_thread
from typing import Any

import dagster as dg
import pytest

from rfm_platform.assets import stopped
from rfm_platform.checks.source import EVALUATION
from rfm_platform.customers.extraction import Extraction
from rfm_platform.mart import Mart
from rfm_platform.materializations import FOLDED, READ
from rfm_platform.partitions import DAY
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.sides import reconcile_days
from rfm_platform.verdicts import EQUALS_THE_SOURCE, LIES_WITHIN_ONE_DAY, passed_what_blocks
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


def put_right(chain: Chain) -> None:
    chain.in_mart("DELETE FROM flatten_order_marketplace WHERE product_gmv_amount = 1000000000")


def alone(chain: Chain, asset: str, on: str) -> dg.ExecuteInProcessResult:
    """Materializes an asset by itself, as one does in the UI."""
    job = chain.definitions.resolve_implicit_global_asset_job_def()
    return run_alone(chain, job.get_subset(asset_selection={dg.AssetKey(asset)}), on)


def run_alone(chain: Chain, job: dg.JobDefinition, on: str) -> dg.ExecuteInProcessResult:
    with chain.instance() as instance:
        return job.execute_in_process(
            instance=instance,
            partition_key=day(on).isoformat(),
            run_config=QUIET,
            raise_on_error=False,
        )


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
        assert "Put the mart right, then `rfm refresh`" in str(failed)
    assert chain.snapshot("01-02").succeeded
    refused = chain.snapshot("01-03")
    assert not refused.succeeded
    assert "source_orders of 2024-01-03" in refused.errors[0]
    assert chain.published() == before


def test_a_day_is_not_forgotten_because_somebody_tried(chain: Chain) -> None:
    alone(chain, "aggregated_monthly", "01-03")
    alone(chain, "aggregated_monthly", "01-02")
    assert not chain.load("01-04").succeeded
    put_right(chain)
    assert chain.load("01-03").succeeded
    assert chain.snapshot("01-04").succeeded, "that day was right itself"
    ((revenue,),) = chain.in_warehouse("SELECT SUM(monetary)::bigint FROM rfm.rfm_scores")
    assert revenue == 12 * 100


@pytest.mark.parametrize("is_right", [True, False])
def test_a_day_that_another_run_is_judging_is_waited_for(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    put_right(chain)
    if not is_right:
        chain.fill_more([line("01-03-1", "01-04", product_gmv_amount=10**9)])
    assert chain.load("01-03").succeeded
    before = chain.published()
    has_looked = Event()
    being_read = stopped._being_read

    def looked(*arguments: Any) -> set[str]:
        has_looked.set()
        return being_read(*arguments)

    monkeypatch.setattr(stopped, "_being_read", looked)
    monkeypatch.setattr(stopped, "ASK_EVERY_SECONDS", 0.1)
    with ThreadPoolExecutor(1) as threads:
        others: list[Future[dg.ExecuteInProcessResult]] = []

        def judged_meanwhile(*arguments: Any) -> Any:
            others.append(threads.submit(alone, chain, "aggregated_monthly", "01-03"))
            assert has_looked.wait(30)
            return reconcile_days(*arguments)

        monkeypatch.setattr(CHECKED_BY, judged_meanwhile)
        assert chain.load("01-04").succeeded is is_right
        assert others[0].result().success is is_right
    assert (chain.published() == before) is not is_right


@pytest.mark.parametrize("looked_by", [CHECKED_BY, "rfm_platform.checks.quality.examine_days"])
def test_lines_that_another_run_has_read_meanwhile_are_looked_at_again(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, looked_by: str
) -> None:
    """A verdict on what they were would count for what they are."""
    put_right(chain)
    looks: list[str] = []
    look = resolve_name(looked_by)

    def overtaken(*arguments: Any) -> Any:
        found = look(*arguments)
        looks.append(current_thread().name)
        if len(looks) == 1:
            with ThreadPoolExecutor(1, "other") as threads:
                assert threads.submit(chain.load, "01-03").result().succeeded
        return found

    monkeypatch.setattr(looked_by, overtaken)
    assert chain.load("01-03").succeeded
    assert looks == ["MainThread", "other_0", "MainThread"]


@pytest.mark.parametrize("first", ["01-03", "01-02"])
@pytest.mark.parametrize(
    ("check", "told_by"),
    [
        (LIES_WITHIN_ONE_DAY, "rfm_platform.checks.quality.judge"),
        (EQUALS_THE_SOURCE, "rfm_platform.checks.reconciliation._verdict"),
    ],
)
def test_a_verdict_is_on_the_lines_that_were_looked_at(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, first: str, check: str, told_by: str
) -> None:
    """Also where others are read before it is stored: it must not count for those."""
    put_right(chain)
    tell = resolve_name(told_by)

    def overtaken(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(chain.load, "01-03").result().succeeded
        return tell(*arguments, **named)

    monkeypatch.setattr(told_by, overtaken)
    outcome = chain.load(first, "01-03")
    assert outcome.succeeded
    with chain.instance() as instance:
        given = [
            entry.dagster_event.asset_check_evaluation_data
            for entry in instance.all_logs(outcome.run_id, of_type=EVALUATION)
            if entry.dagster_event is not None
        ]
    targets = [
        evaluation.target_materialization_data
        for evaluation in given
        if (evaluation.check_name, evaluation.partition) == (check, "2024-01-03")
    ]
    assert [target.run_id for target in targets if target] == [outcome.run_id]


def test_a_day_that_nobody_judges_is_refused(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    put_right(chain)
    assert chain.load("01-03").succeeded

    def dies(*arguments: Any) -> Any:
        raise KeyError("a check that crashes")

    with monkeypatch.context() as patch:
        patch.setattr(CHECKED_BY, dies)
        assert not chain.load("01-04").succeeded
    refused = chain.snapshot("01-04")
    assert not refused.succeeded
    assert "nobody has judged: source_orders of 2024-01-04. `rfm refresh` reads" in str(refused)
    job = chain.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={READ, FOLDED}, asset_check_selection=set()
    )
    assert not run_alone(chain, job, "01-05").success, "its checks were left out"
    assert chain.load("01-05").succeeded


@pytest.mark.parametrize("was_loaded", [True, False])
@pytest.mark.parametrize("is_right", [True, False])
def test_lines_of_a_run_that_died_before_it_told_of_them_are_judged_first(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, was_loaded: bool, is_right: bool
) -> None:
    """The lake holds them, and what Dagster knows is good: another day's run would fold them."""
    put_right(chain)
    assert chain.load("01-03").succeeded
    on = "01-03" if was_loaded else "01-04"
    new = line("new", on) if is_right else line("01-02-1", on, product_gmv_amount=10**9)
    chain.fill_more([new])
    before = chain.published()

    def dies(*arguments: Any) -> Any:
        raise KeyError("killed between the two")

    with monkeypatch.context() as patch:
        patch.setattr(Extraction, "changes", dies)
        assert not chain.load(on).succeeded
    for asset in ("aggregated_monthly", "final_user_analysis"):
        (failed,) = [e for e in alone(chain, asset, "01-05").all_events if e.is_step_failure]
        assert f"nobody has judged: source_orders of 2024-{on}" in str(failed)
    assert chain.published() == before
    assert chain.load("01-05").succeeded is is_right
    assert (chain.published() == before) is not is_right
    if is_right:
        orders = chain.in_warehouse("SELECT SUM(total_order)::int FROM rfm.aggregated_monthly")
        assert orders == [(13 if was_loaded else 16,)], "three a day, and the new one"


def test_runs_that_wait_for_their_turn_take_no_verdict_away(chain: Chain) -> None:
    put_right(chain)
    assert chain.load("01-03").succeeded
    with chain.instance() as instance:
        waiting = chain.definitions.resolve_job_def("load_days")
        for _ in range(3):
            instance.create_run_for_job(waiting, tags={DAY: "2024-01-03"})
        assert passed_what_blocks(instance, READ, [day("01-03")]) == {day("01-03"): True}
    assert alone(chain, "aggregated_monthly", "01-03").success


def test_a_run_that_reads_a_day_after_one_begun_later_has_judged_it(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster orders verdicts by when their runs began."""
    put_right(chain)
    outcomes: list[bool] = []
    contract = Mart.contract_violations

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        outcomes.extend(chain.load("01-03").succeeded for _ in range(7))
        return contract(*arguments)

    monkeypatch.setattr(Mart, "contract_violations", overtaken)
    assert chain.load("01-03").succeeded
    assert outcomes == [True] * 7
    with chain.instance() as instance:
        assert passed_what_blocks(instance, READ, [day("01-03")]) == {day("01-03"): True}


def test_a_day_that_was_judged_and_never_read_stops_nothing(chain: Chain) -> None:
    put_right(chain)
    assert not chain.check("equals_the_source", "01-05").passed
    assert chain.load("01-03").succeeded
    assert alone(chain, "aggregated_monthly", "01-03").success
    with chain.instance() as instance:
        assert "2024-01-05" not in instance.get_materialized_partitions(READ)
