"""Nothing is made of a day that a check has stopped, whatever is started by hand."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from threading import Event, current_thread
from typing import Any

import dagster as dg
import pytest

from rfm_platform import processes
from rfm_platform.assets import stopped
from rfm_platform.assets.stopped import ROOT_RUN
from rfm_platform.automation.alerts import EVALUATION
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


def run_alone(
    chain: Chain, job: dg.JobDefinition, on: str, tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    with chain.instance() as instance:
        return job.execute_in_process(
            instance=instance,
            partition_key=day(on).isoformat(),
            run_config=QUIET,
            raise_on_error=False,
            tags=tags,
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


@pytest.mark.parametrize(("is_right", "is_retried"), [(True, False), (False, False), (True, True)])
def test_a_day_that_another_run_is_judging_is_waited_for(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, is_right: bool, is_retried: bool
) -> None:
    """A retry of the run that read it judges it as well."""
    put_right(chain)
    if not is_right:
        chain.fill_more([line("01-03-1", "01-04", product_gmv_amount=10**9)])
    assert chain.load("01-03").succeeded
    before = chain.published()
    reader = None
    if is_retried:
        with monkeypatch.context() as patch:
            patch.setattr(CHECKED_BY, dies)
            reader = chain.load("01-04").run_id
    with while_it_is_judged(chain, monkeypatch) as others:
        if reader is None:
            assert chain.load("01-04").succeeded is is_right
        else:
            job = chain.definitions.resolve_job_def("load_days")
            checks = dg.AssetSelection.checks_for_assets(READ).resolve_checks(
                chain.definitions.resolve_asset_graph()
            )
            retry = job.get_subset(asset_selection=set(), asset_check_selection=checks)
            run_alone(chain, retry, "01-04", {ROOT_RUN: reader})
        assert others[0].result().success is is_right
    assert (chain.published() == before) is not is_right


def test_a_run_that_does_not_judge_is_not_waited_for(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on, but without one of the checks."""
    put_right(chain)
    assert chain.load("01-03").succeeded
    checked_by_one = chain.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={READ},
        asset_check_selection={dg.AssetCheckKey(READ, EQUALS_THE_SOURCE)},
    )
    with while_it_is_judged(chain, monkeypatch, is_refused=True) as others:
        assert run_alone(chain, checked_by_one, "01-04").success
        (failed,) = [e for e in others[0].result().all_events if e.is_step_failure]
    assert "nobody has judged: source_orders of 2024-01-04. `rfm refresh`" in str(failed)


def test_a_run_whose_process_dies_is_waited_for_no_longer(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_right(chain)
    assert chain.load("01-03").succeeded
    child = subprocess.Popen(["sleep", "600"])
    tag = f"{socket.gethostname()}:{child.pid}:{processes._started(child.pid)}"
    monkeypatch.setattr("rfm_platform.runs.process_tags", lambda: {processes.PROCESS_TAG: tag})

    def ends(*_: Any) -> None:
        child.kill()
        child.wait()

    with while_it_is_judged(chain, monkeypatch, ends, is_refused=True) as others:
        chain.load("01-04")
        (failed,) = [e for e in others[0].result().all_events if e.is_step_failure]
    assert "nobody has judged: source_orders of 2024-01-04. `rfm refresh`" in str(failed)


@contextmanager
def while_it_is_judged(
    chain: Chain,
    monkeypatch: pytest.MonkeyPatch,
    then: Callable[[], None] = lambda: None,
    *,
    is_refused: bool = False,
) -> Iterator[list[Future[dg.ExecuteInProcessResult]]]:
    """A run reads a day; while its check looks at it another one folds the day before.

    Args:
        then: done once that one has asked who judges the day.
        is_refused: the check goes on when that one has ended, not when it has begun to wait.
    """
    has_looked = Event()
    judging = stopped._judging
    others: list[Future[dg.ExecuteInProcessResult]] = []
    has_ended: list[Future[dg.ExecuteInProcessResult]] = []

    def looked(*arguments: Any) -> set[str]:
        found = judging(*arguments)
        if not has_looked.is_set():
            then()
            has_looked.set()
        return found

    monkeypatch.setattr(stopped, "_judging", looked)
    monkeypatch.setattr(stopped, "ASK_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(stopped, "WAIT_SECONDS", 30.0)
    with ThreadPoolExecutor(1) as threads:

        def judged_meanwhile(*arguments: Any) -> Any:
            others.append(threads.submit(alone, chain, "aggregated_monthly", "01-03"))
            assert has_looked.wait(30)
            if is_refused:
                has_ended.extend(wait(others, 20).done)
            return reconcile_days(*arguments)

        monkeypatch.setattr(CHECKED_BY, judged_meanwhile)
        yield others
        assert bool(has_ended) is is_refused


def dies(*_: Any) -> Any:
    raise KeyError("a check that crashes")


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
